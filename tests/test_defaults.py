"""Defaults are the same in Python, on the command line, over HTTP and on the page."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

import pytest

from nearfar.calibration import DistanceOptions
from nearfar.cli import _options, cloud, effect, estimate, mesh, probe, video
from nearfar.config import EstimateOptions, Options, OutputOptions, RefinedOptions
from nearfar.effects import EFFECTS
from nearfar.effects.frames import FRAME_EFFECTS
from nearfar.geometry.options import CloudOptions, MeshOptions
from nearfar.loading import load
from nearfar.service.app import make_app
from nearfar.service.settings import ServiceOptions
from nearfar.video.pipeline import VideoOptions
from nearfar.web.app import make_page
from tests.web.made import FakeDoor

Row = tuple[tuple[type[Options], ...], Any, str, str]

TABLE: Final[dict[str, Row]] = {
    "depth": ((EstimateOptions, OutputOptions), estimate.estimate, "/v1/depth", "nf"),
    "probe": ((EstimateOptions,), probe.probe, "/v1/probe", "nf"),
    "cloud": (
        (RefinedOptions, DistanceOptions, CloudOptions),
        cloud.cloud,
        "/v1/cloud",
        "nf-scene",
    ),
    "mesh": ((RefinedOptions, DistanceOptions, MeshOptions), mesh.mesh, "/v1/mesh", "nf-scene"),
    "video": ((EstimateOptions, VideoOptions), video.video, "/v1/videos", "nf-video"),
    **{
        each.name: (
            (EstimateOptions, each.options),
            effect.app[each.name].default_command,
            f"/v1/effects/{each.name}",
            f"nf-effect-{each.name}",
        )
        for each in EFFECTS
    },
}
"""What is made -> its sets of options, command, address, and the prefix of ids on the page."""

ON_THE_PAGE: Final = {
    "depth": {"input_size_px", "refine", "colormap", "robust", "model"},
    "mesh": {
        *("near_m", "far_m", "camera_height_m", "pitch_deg", "fov_deg"),
        *("max_slope_deg", "step_px"),
    },
    "video": {"input_size_px", "refine", "steady", "smooth", "deinterlace", "colormap", "model"},
}
"""What is made -> options that must have a component there, whatever others there are."""


def command_defaults(command: Callable[..., Any], parts: tuple[type[Options], ...]) -> Any:
    """Return the value of each flag that is not given, as the command understands it."""
    found: dict[str, Any] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        default = parameter.default
        if is_dataclass(default) and not isinstance(default, Options):
            part = next(
                part
                for part in parts
                if {each.name for each in fields(part)} == {each.name for each in fields(default)}
            )
            default = _options.options_of(part, default)
        found |= default.values() if isinstance(default, Options) else {name: default}
    return found


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return dict(make_app(ServiceOptions(), page=False).openapi()["paths"])


@pytest.fixture(scope="module")
def page() -> Mapping[str, Any]:
    """Id of a component -> its first value."""
    blocks = make_page(FakeDoor()).blocks.values()
    return {
        str(each.elem_id): each.value
        for each in blocks
        if getattr(each, "elem_id", None) and hasattr(each, "value")
    }


@pytest.mark.parametrize("made", TABLE)
def test_defaults_are_those_of_the_declaration_everywhere(
    made: str, schema: dict[str, Any], page: Mapping[str, Any]
) -> None:
    parts, command, path, prefix = TABLE[made]
    declared = {each.name: each.default for part in parts for each in fields(part)}
    declared["model"] = "auto"
    flags = command_defaults(command, parts)
    assert {name: flags[name] for name in declared} == declared
    over_http = {
        each["name"]: each["schema"].get("default") for each in schema[path]["post"]["parameters"]
    }
    known = {name: declared[name] for name in declared.keys() & over_http.keys()}
    known |= {"known": None} if "known" in known else {}
    assert {name: over_http[name] for name in known} == known
    assert known.keys() >= {"model", "input_size_px", "refine"}
    shown = {name for name in declared if f"{prefix}-{name}" in page}
    assert shown >= ON_THE_PAGE.get(made, set()) - {"colormap"}
    for name in shown:
        assert page[f"{prefix}-{name}"] == declared[name], name


def test_the_model_and_the_colors_are_the_same_without_a_word(page: Mapping[str, Any]) -> None:
    assert inspect.signature(load).parameters["model"].default == "auto"
    assert ServiceOptions().model == page["nf-model"] == page["nf-video-model"] == "auto"
    colors = command_defaults(video.video, (VideoOptions,))["colormap"]
    assert colors == page["nf-video-colormap"] == OutputOptions().colormap


def test_every_effect_of_clips_has_the_defaults_of_photos(page: Mapping[str, Any]) -> None:
    for name, each in FRAME_EFFECTS.items():
        for option in fields(each.options):
            if f"nf-video-{name}-{option.name}" in page:
                assert page[f"nf-video-{name}-{option.name}"] == option.default
