"""Look for the toys in a copy of the package, and print what is found as JSON.

Run by `test_doors.py` in one process of its own, so that the heavy libraries are imported once.
"""

import inspect
import io
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from fastapi.testclient import TestClient

import nearfar
from nearfar import effects
from nearfar.cli import main
from nearfar.imaging import colormaps
from nearfar.service.app import make_app
from nearfar.service.settings import ServiceOptions
from tests import test_format_table
from tests.cli import test_effect, test_main
from tests.service import test_docs
from tests.web import test_texts

TABLE_TESTS: tuple[Callable[[], None], ...] = (
    test_format_table.test_the_options_name_every_format,
    test_format_table.test_the_options_name_every_color_map,
    test_format_table.test_every_format_is_a_button_of_the_page_in_both_languages,
    test_main.test_every_command_has_examples,
    test_texts.test_every_text_has_both_languages,
    test_texts.test_every_option_and_download_has_a_text,
    test_texts.test_every_effect_has_a_text_and_so_has_each_of_its_options,
)
"""Tests that say what a row of a table lacks in the code."""

DOCS_TESTS: tuple[Callable[[], None], ...] = (
    lambda: test_format_table.test_every_format_is_described_in_the_docs_and_answered_over_http(
        "toyfile"
    ),
    test_format_table.test_every_runtime_and_device_is_described_in_the_docs,
    test_format_table.test_every_family_is_described_in_the_docs,
    test_docs.test_every_format_is_in_its_table,
    test_docs.test_every_effect_is_in_its_table,
    lambda: test_effect.test_every_effect_is_in_its_document_with_its_picture(
        Path(__file__).parents[2] / "examples"
    ),
)
"""Tests that say what a row of a table lacks in the docs, which know of no toy."""


def command(*words: str) -> str:
    """Return what a command prints; it must not fail."""
    printed = io.StringIO()
    status: Any = None
    with redirect_stdout(printed), redirect_stderr(printed):
        try:
            main(words)
        except SystemExit as left:
            status = left.code
    if status != 0:
        raise SystemExit(f"nearfar {' '.join(words)}: exit status {status}: {printed.getvalue()}")
    return " ".join(printed.getvalue().split())


def failures(tests: tuple[Callable[[], None], ...]) -> list[str]:
    """Return the messages of the tests that fail."""
    return [message for test in tests if (message := failure(test)) is not None]


def failure(test: Callable[[], None]) -> str | None:
    """Return the message of a test; None if it passes."""
    try:
        test()
    except AssertionError as error:
        return str(error)
    return None


def by_command(folder: Path) -> dict[str, str]:
    """Return the output of the commands in which a toy must appear."""
    photo, network = str(folder / "photo.png"), str(folder / "network.onnx")
    toy = ("-m", "nearfar-lite", "--runtime", "toynet")
    lines = {
        "help": ("--help",),
        "toycommand --help": ("toycommand", "--help"),
        "toycommand": ("toycommand", "hello"),
        "effect --help": ("effect", "--help"),
        "effect toy --help": ("effect", "toy-effect", "--help"),
        "effect toy": ("effect", "toy-effect", photo, str(folder / "effect.png"), *toy),
        "estimate --help": ("estimate", "--help"),
        "estimate": ("estimate", photo, str(folder / "map.toy"), *toy, "--toy-gain", "2"),
        "add --help": ("models", "add", "--help"),
        "add": ("models", "add", "mine", network, "--output", "toy-family"),
        "list": ("models", "list"),
        "doctor": ("doctor",),
        "evaluate": ("evaluate", str(folder / "set"), *toy, "--json"),
        "evaluate as a table": ("evaluate", str(folder / "set"), *toy),
    }
    return {name: command(*words) for name, words in lines.items()}


def by_python(folder: Path) -> dict[str, Any]:
    """Return what the library makes of a photo whose right half is white."""
    photo = nearfar.read_image(folder / "photo.png")
    found = nearfar.load("nearfar-lite", runtime="toynet", toy_gain=3)  # type: ignore[call-arg]
    ramp = np.array([[0, 1]], np.float32)

    def right_is_nearer(model: str, **how: str) -> bool:
        nearness = nearfar.load(model, threads=1, **how)(photo).nearness()  # type: ignore[arg-type]
        return bool(nearness[8, 60] > nearness[8, 3])

    invert: Any = vars(effects)["toy_effect"]
    return {
        "gain": found.options.values()["toy_gain"],
        "runtime": right_is_nearer("nearfar-lite", runtime="toynet"),
        "model": right_is_nearer("toy-model", runtime="onnxruntime"),
        "family": right_is_nearer("mine", runtime="onnxruntime"),
        "read back": bool(np.ptp(nearfar.read_depth(folder / "map.toy").inverse_depth) > 0),
        "colors": colormaps.apply(ramp, "toy-colors").tolist(),
        "inverted": invert(photo, found(photo)).pixels[8, [3, 60]].tolist(),
        "parameters": [*inspect.signature(invert).parameters],
        "all": effects.__all__,
    }


def by_http(folder: Path) -> dict[str, Any]:
    """Return what the service and the page answer."""
    options = ServiceOptions(model="toy-model", runtime="onnxruntime", workers=1)
    with TestClient(make_app(options), base_url="http://127.0.0.1:7860") as client:
        while client.get("/readyz").status_code == 503:  # the model is loaded meanwhile
            time.sleep(0.05)
        photo = (folder / "photo.png").read_bytes()
        made = client.post("/v1/depth", params={"format": "toyfile"}, content=photo)
        return {
            "openapi": client.get("/openapi.json").json(),
            "page": json.dumps(client.get("/config").json(), ensure_ascii=False),
            "live": client.get("/live/choices.json").json(),
            "live texts": client.get("/live/texts.json").text,
            "toy": client.get("/v1/toy").json(),
            "models": client.get("/v1/models").json(),
            "depth": (made.status_code, made.headers["content-type"], made.content[:4].decode()),
        }


def look(folder: Path) -> dict[str, Any]:
    """Return everything that `test_doors.py` looks at; exit where a table says what it lacks."""
    if lacking := failures(TABLE_TESTS):
        raise SystemExit("\n".join(lacking))
    return {
        "package": nearfar.__file__,
        "command": by_command(folder),
        "python": by_python(folder),
        "http": by_http(folder),
        "docs": failures(DOCS_TESTS),
    }


if __name__ == "__main__":
    os.environ["COLUMNS"] = "200"
    Path(sys.argv[2]).write_text(json.dumps(look(Path(sys.argv[1]))), "utf-8")
