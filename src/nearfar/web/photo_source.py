"""The photo shared by the tabs: chosen, dropped, pasted, from the camera, or an example."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from html import escape
from typing import Any, Final

import gradio as gr

from nearfar.config import EstimateOptions, ImageLimits
from nearfar.depth import Depth
from nearfar.errors import NearfarError
from nearfar.web.backend import Backend
from nearfar.web.components import example_buttons, model_choice, quiet
from nearfar.web.controls import controls, read_controls
from nearfar.web.examples import available, credits_, example
from nearfar.web.files import read_file
from nearfar.web.i18n.texts import Language, say
from nearfar.web.session_store import Photo, Result, Results, read_photo
from nearfar.web.show_errors import PageError, show_error, show_errors
from nearfar.web.tabs.base import Stage

FIRST_EXAMPLE: Final = "street"
"""Shown when the page opens for the first time."""


class PhotoEvents:
    """The handlers; each returns the key of the result that all tabs show.

    Args:
        backend: estimates depth.
        results: of all visitors.
        limits: of a photo.
    """

    def __init__(self, backend: Backend, results: Results, limits: ImageLimits) -> None:
        self._backend, self._results, self._limits = backend, results, limits
        self._examples: dict[tuple[Any, ...], str] = {}
        self._locks: dict[tuple[Any, ...], asyncio.Lock] = {}

    async def take(
        self, key: str | None, _: Language, request: gr.Request, path: str | None, *settings: Any
    ) -> str | None:
        """Estimate an uploaded photo, which replaces the one before."""
        if path is None:
            return key
        photo = await read_photo(path, self._limits)
        return await self._estimate(photo, _client(request), settings, instead=key)

    def take_example(self, name: str) -> Callable[..., Awaitable[str]]:
        """Return the handler of one example's button."""

        async def handler(key: str | None, _: Language, request: gr.Request, *settings: Any) -> str:
            found = await self.example(name, _client(request), settings)
            self._results.drop(key)
            return found

        return handler

    async def estimate_again(
        self, key: str | None, _: Language, request: gr.Request, *settings: Any
    ) -> str | None:
        """Estimate the same photo with other options."""
        if key is None:
            return None
        before = self._results.find(key)
        if before.settings == settings:  # a field that was left without a change
            return key
        return await self._estimate(before.photo, _client(request), settings, instead=key)

    async def restore(self, kept: str | None, request: gr.Request, *settings: Any) -> str | None:
        """Return the key that this browser kept, or that of an example.

        Args:
            kept: the key of the photo before a reload, if there was one.
            request: of the visitor.
            settings: values of the components when the page opens.
        """
        if kept and self._results.get(kept) is not None:
            return kept
        names = available()
        if not names:
            return None
        first = FIRST_EXAMPLE if FIRST_EXAMPLE in names else names[0]
        return await self.example(first, _client(request), settings)

    async def example(self, name: str, client: str, settings: Sequence[Any]) -> str:
        """Estimate an example once for all visitors, and return its key."""
        path = example(name)
        if path is None:
            raise PageError("error.nophoto")
        which = name, settings[0], read_controls(EstimateOptions, settings[1:])
        async with self._locks.setdefault(which, asyncio.Lock()):
            key = self._examples.get(which)
            if key is None or self._results.get(key) is None:
                content = await asyncio.to_thread(read_file, str(path), self._limits.max_bytes)
                photo = Photo(content, name)
                key = await self._estimate(photo, client, settings, is_shared=True)
                self._examples[which] = key
        return key

    async def _estimate(
        self,
        photo: Photo,
        client: str,
        settings: Sequence[Any],
        *,
        instead: str | None = None,
        is_shared: bool = False,
    ) -> str:
        model, *values = settings

        def make(depth: Depth) -> Result:
            return Result.of(photo, depth, self._limits)

        answer = await self._backend.depth(
            photo.content,
            client=client,
            make=make,
            model=model,
            options=read_controls(EstimateOptions, values),
        )
        result = answer.value.timed(answer.runtime, answer.infer_ms, answer.fed_px, tuple(settings))
        return self._results.put(result, instead=instead, is_shared=is_shared)


def _client(request: gr.Request) -> str:
    return request.client.host if request.client else "local"


class PhotoSource:
    """The bar above the tabs: buttons, examples and options of estimation.

    Dropped and pasted files and pictures of the camera are passed to the upload button by
    `page.js`.

    Args:
        stage: of the page; its `key` is set by the events.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._events = PhotoEvents(stage.backend, stage.results, stage.limits)
        book = stage.book
        with gr.Row(elem_id="nf-source"):
            with gr.Column(elem_id="nf-choose", scale=4, min_width=260):
                with gr.Row(elem_classes="nf-buttons"):
                    self.upload = book.make(
                        gr.UploadButton,
                        {"label": "photo.choose"},
                        file_types=["image"],
                        type="filepath",
                        variant="primary",
                        elem_id="nf-upload",
                    )
                    self.camera = book.make(
                        gr.Button, {"value": "photo.camera"}, elem_id="nf-camera"
                    )
                book.make(gr.HTML, {"value": quiet("photo.hint")}, padding=False)
                with book.make(gr.Accordion, {"label": "photo.options"}, open=False):
                    self.model = model_choice(stage, "photo", "nf-model")
                    self.estimating: dict[str, Any] = controls(EstimateOptions, book)
            with gr.Column(scale=6, min_width=300):
                self.examples = example_buttons(book, "nf-example")
                if self.examples:
                    book.make(gr.HTML, {"value": credits_html}, padding=False)
        # the browser keeps the key over a reload; `visible="hidden"` would render it
        self.kept = gr.Textbox(visible=False, label="photo", max_length=64)

    @property
    def settings(self) -> list[Any]:
        """Return the components with the settings of `PhotoEvents`."""
        return [self.model, *self.estimating.values()]

    def wire(self) -> None:
        """Connect the events."""
        events = self._events
        self._on(self.upload.upload, show_errors(events.take), [self.upload, *self.settings])
        for name, button in self.examples.items():
            self._on(button.click, show_errors(events.take_example(name)), self.settings)
        for control in self.settings:
            is_text = isinstance(control, gr.Textbox)
            for change in (control.submit, control.blur) if is_text else (control.input,):
                self._on(change, show_errors(events.estimate_again), self.settings)
        self.camera.click(None, js="() => nearfar.openCamera()")

    async def prepare(self) -> None:
        """Estimate the first example while a browser still loads the page.

        An error is reported when the page asks for the example.
        """
        settings = tuple(control.value for control in self.settings)
        if FIRST_EXAMPLE in available():
            with suppress(NearfarError):
                await self._events.example(FIRST_EXAMPLE, "local", settings)

    async def begin(
        self, language: Language, kept: str, request: gr.Request, *settings: Any
    ) -> str | None:
        """Return the key of the photo that a page shows when it opens."""
        try:
            return await self._events.restore(kept, request, *settings)
        except Exception as error:  # noqa: BLE001 - the page opens without a photo
            show_error(error, language)
            return None

    def _on(
        self, event: Callable[..., Any], handler: Callable[..., Any], values: Sequence[Any]
    ) -> None:
        event(
            handler,
            inputs=[self._stage.key, self._stage.language, *values],
            outputs=self._stage.key,
            show_progress="hidden",
            trigger_mode="always_last",
            api_visibility="private",
        )


def credits_html(language: Language) -> str:
    """Return the authors and licences of the example photos, as HTML."""
    rows = "".join(
        f"<li>{escape(say(f'photo.example.{credit.name}', language))}: {escape(credit.by)},"
        f" {escape(credit.licence)} ({escape(credit.origin)})</li>"
        for credit in credits_()
    )
    title = escape(say("photo.credits", language))
    return f'<details class="nf-quiet"><summary>{title}</summary><ul>{rows}</ul></details>'
