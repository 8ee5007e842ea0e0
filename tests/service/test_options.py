"""Each option is declared once, and is offered everywhere."""

from dataclasses import fields

import pytest
from cyclopts import App

from nearfar.cli._shared import dashed
from nearfar.cli.estimate import estimate
from nearfar.cli.video import video
from nearfar.config import EstimateOptions, Options, OutputOptions
from nearfar.effects.frames import FRAME_EFFECTS
from nearfar.service.app import make_app
from nearfar.service.settings import ServiceOptions
from nearfar.video.pipeline import VideoOptions
from nearfar.web.app import page_options
from nearfar.web.tabs.video_controls import video_options

FILES_BESIDE = {"color", "side_by_side"}
"""Over HTTP one file is answered: the color picture is a format, and the photo is there."""


def names(*kinds: type[Options]) -> set[str]:
    return {each.name for kind in kinds for each in fields(kind)}


def test_every_option_appears_in_cli_http_and_page() -> None:
    options = names(EstimateOptions, OutputOptions)
    app = App()
    app.default(estimate)
    flags = {name for argument in app.assemble_argument_collection() for name in argument.names}
    assert {f"--{dashed(name)}" for name in options} <= flags
    schema = make_app(ServiceOptions(), page=False).openapi()
    for path, expected in (
        ("/v1/depth", options - FILES_BESIDE),
        ("/v1/probe", names(EstimateOptions)),
    ):
        parameters = {each["name"] for each in schema["paths"][path]["post"]["parameters"]}
        assert expected <= parameters
        assert parameters <= expected | {"model", "points"}
    assert page_options() == options


def test_every_option_of_clips_appears_in_cli_http_and_page() -> None:
    options = names(VideoOptions)
    app = App()
    app.default(video)
    flags = {name for argument in app.assemble_argument_collection() for name in argument.names}
    assert {f"--{dashed(name)}" for name in options | names(EstimateOptions)} <= flags
    schema = make_app(ServiceOptions(), page=False).openapi()
    parameters = {each["name"] for each in schema["paths"]["/v1/videos"]["post"]["parameters"]}
    assert names(VideoOptions, EstimateOptions) | {"colormap"} <= parameters
    for effect in FRAME_EFFECTS.values():
        pictures = {each.name for each in fields(effect.options) if "picture" in each.metadata}
        assert names(effect.options) - pictures - {"font"} <= parameters
    assert video_options() == names(VideoOptions, EstimateOptions) | {"colormap"}


@pytest.mark.parametrize("kind", [EstimateOptions, OutputOptions])
def test_http_tells_range_default_and_sentence(kind: type[Options]) -> None:
    api = make_app(ServiceOptions(), page=False).openapi()
    parameters = {each["name"]: each for each in api["paths"]["/v1/depth"]["post"]["parameters"]}
    for each in fields(kind):
        if each.name in FILES_BESIDE | {"format"}:
            continue
        parameter = parameters[each.name]
        assert parameter["description"] == each.metadata["description"]
        schema = parameter["schema"]
        assert schema.get("default") == each.default  # OpenAPI leaves out a default of null
        schema = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
        for word, name in (("ge", "minimum"), ("le", "maximum")):
            assert schema.get(name) == each.metadata.get(word)
        assert not parameter["required"]
