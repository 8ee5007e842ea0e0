"""What a new depth format, runtime or device must be added to, beside its row of the table."""

import re
from pathlib import Path
from typing import get_args

import pytest

from nearfar.config import ColormapName, FormatName
from nearfar.imaging.colormaps import COLORMAPS
from nearfar.io.depth_files import DEFAULT_FORMAT, FORMATS, SUFFIXES, format_of
from nearfar.models.family import FAMILIES
from nearfar.runtimes.table import DEVICES, RUNTIMES
from nearfar.service.response_formats import DEFAULT, RESULTS

DOCS = Path(__file__).parent.parent / "docs"


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_the_options_name_every_format() -> None:
    lacking = set(FORMATS) ^ set(get_args(FormatName))
    assert not lacking, f"config.FormatName and io.depth_files.FORMATS differ in {lacking}"
    assert get_args(FormatName) == tuple(FORMATS)
    assert DEFAULT_FORMAT == DEFAULT == "png16"


def test_the_options_name_every_color_map() -> None:
    lacking = set(COLORMAPS) ^ set(get_args(ColormapName))
    assert not lacking, f"config.ColormapName and imaging.colormaps differ in {lacking}"
    assert get_args(ColormapName) == COLORMAPS


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_described_in_the_docs_and_answered_over_http(name: str) -> None:
    row = FORMATS[name]
    rows = re.findall(
        rf"^\| `{name}` \| `{re.escape(row.suffixes[0])}` \|", text("formats.md"), re.MULTILINE
    )
    assert len(rows) == 1, f"docs/formats.md lacks a row of {name}"
    assert RESULTS[name].media_type == row.media_type
    assert RESULTS[name].sentence == row.sentence
    assert FORMATS[format_of(f"map{row.suffixes[0]}")].magic == row.magic


def test_the_docs_describe_no_format_that_there_is_not() -> None:
    assert re.findall(r"^\| `(\w+)` \| `\.", text("formats.md"), re.MULTILINE) == list(FORMATS)


def test_every_format_is_a_button_of_the_page_in_both_languages() -> None:
    pytest.importorskip("gradio")
    from nearfar.web.downloads import DOWNLOADS
    from nearfar.web.i18n.texts import TEXTS

    buttons = {each.name: each.label_key for each in DOWNLOADS}
    for name in FORMATS:
        assert buttons[name] in TEXTS, f"web/i18n/depth.py lacks {buttons[name]}"


def test_every_suffix_is_read_once() -> None:
    assert SUFFIXES == (".png", ".exr", ".pfm", ".tiff", ".tif", ".npy", ".npz")


def test_every_runtime_and_device_is_described_in_the_docs() -> None:
    found = re.findall(r"^\| `([\w-]+)` \| ([\w, -]+) \|", text("models.md"), re.MULTILINE)
    described = {name: runtimes.split(", ") for name, runtimes in found if name in DEVICES}
    expected = {
        device: [row.name for row in RUNTIMES.values() if row.has(device)] for device in DEVICES
    }
    assert described == expected, f"docs/models.md describes {described}, not {expected}"


def test_every_family_is_described_in_the_docs() -> None:
    lacking = [name for name in FAMILIES if f"\n| `{name}`" not in text("models.md")]
    assert not lacking, f"docs/models.md lacks a row of {lacking}"


def test_replicas_of_ray_run_on_the_cpu() -> None:
    from nearfar.errors import UsageError
    from nearfar.service.settings import ServiceOptions

    serve = pytest.importorskip("nearfar.scale.serve")
    assert serve.sized(ServiceOptions()) == ServiceOptions(device="cpu", workers=1)
    assert serve.sized(ServiceOptions(workers=3)).workers == 3
    with pytest.raises(UsageError, match="replicas run on the cpu, not on cuda"):
        serve.sized(ServiceOptions(device="cuda"))
