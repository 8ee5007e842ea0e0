"""Interface of the tabs, and the context for building them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from nearfar.config import ImageLimits
from nearfar.web.backend import Backend
from nearfar.web.i18n.components import Phrasebook
from nearfar.web.session_store import Results


@dataclass(frozen=True)
class Stage:
    """Context for building a tab.

    Attributes:
        backend: estimates depth.
        book: makes components whose texts follow the language.
        language: a state, set when the page opens.
        limits: of photos.
        results: photos with their maps, of all visitors.
        key: a state: key in `results` of the shared photo.
        active: a state: name of the visible tab.
    """

    backend: Backend
    book: Phrasebook
    language: gr.State
    limits: ImageLimits
    results: Results
    key: gr.State
    active: gr.State

    def follow_photo(
        self,
        tab: gr.Tab,
        name: str,
        handler: Callable[..., Any],
        *,
        visit: gr.State,
        values: Sequence[Any],
        outputs: Sequence[Any],
        show_on: Any,
    ) -> None:
        """Call a handler when the photo changes, and when the tab is opened.

        Args:
            tab: the tab that shows the photo.
            name: of the tab.
            handler: called with the visit, the language, the key, the name of the visible tab, and
                values; returns the visit and `outputs`. It does nothing while another tab is
                visible.
            visit: a state.
            values: components.
            outputs: components.
            show_on: component that shows the progress.
        """
        common: dict[str, Any] = {
            "show_progress": "minimal",
            "show_progress_on": show_on,
            "trigger_mode": "always_last",
            "api_visibility": "private",
        }
        self.key.change(
            handler,
            inputs=[visit, self.language, self.key, self.active, *values],
            outputs=[visit, *outputs],
            **common,
        ).then(None, js="() => nearfar.reveal()")

        async def opened(visit: Any, language: Any, key: str | None, *values: Any) -> Any:
            return name, *await handler(visit, language, key, name, *values)

        tab.select(
            opened,
            inputs=[visit, self.language, self.key, *values],
            outputs=[self.active, visit, *outputs],
            **common,
        )


@dataclass(frozen=True)
class Tab:
    """One row of the table of tabs.

    Attributes:
        name: its id on the page, and its address: `/#<name>`.
        label_key: key of its label in the texts.
        build: creates its components and connects their events, inside the tab's context.
    """

    name: str
    label_key: str
    build: Callable[[Stage, gr.Tab], None]
