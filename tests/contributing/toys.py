"""A toy for each door of CONTRIBUTING: what a contributor writes, and into which file.

A change is a new file, or lines before or after a line of a file that is there. Paths are those of
CONTRIBUTING: below `src/nearfar/`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Change:
    """Lines that a contributor adds.

    Attributes:
        file: below `src/nearfar/`.
        lines: what is added.
        before: text that the lines are put in front of; it must be in the file once.
        after: text that the lines are put behind, likewise. A new file has neither.
    """

    file: str
    lines: str
    before: str = ""
    after: str = ""

    def apply(self, package: Path) -> None:
        """Write the lines into a copy of the package."""
        path = package / self.file
        anchor = self.before or self.after
        if not anchor:
            assert not path.exists(), f"{self.file} is there already"
            path.write_text(self.lines, "utf-8")
            return
        text = path.read_text("utf-8")
        assert text.count(anchor) == 1, f"{self.file} has {text.count(anchor)} times {anchor!r}"
        path.write_text(
            text.replace(anchor, self.lines + anchor if self.before else anchor + self.lines),
            "utf-8",
        )


def text(file: str, key: str, english: str, *, before: str) -> Change:
    """Add a text of the page, in both languages."""
    return Change(file, f'    "{key}": Text("{english}", "玩具"),\n', before=before)


EFFECT: Final = '''
"""Invert the colors."""

from dataclasses import dataclass

from nearfar.config import Options, option
from nearfar.depth import DepthMap
from nearfar.effects.base import Effect, Picture
from nearfar.io.images import Image


@dataclass(frozen=True)
class ToyOptions(Options):
    """Options of `toy_effect`."""

    toy_strength: int = option("How much of the colors is inverted.", 255, ge=0, le=255)


def invert(photo: Image, depth: DepthMap, options: ToyOptions) -> Picture:
    """Invert the colors."""
    return Picture(options.toy_strength - photo)


EFFECT = Effect("toy-effect", "Invert the toy's colors.", ToyOptions, invert)
'''

RUNTIME: Final = '''
"""A runtime whose every network is the mean of the channels."""

from nearfar.models.family import bind
from nearfar.optional import require
from nearfar.runtimes.base import GraphSession, TensorInfo

IMAGE = TensorInfo("image", (None, 3, None, None), "float32")
MAP = TensorInfo("depth", (None, None, None), "float32")


class ToySession(GraphSession):
    """A network in the toy."""

    def __init__(self, model, *, device, graph, **_):
        self.library = require("toynet")
        self.runtime = "toynet"
        super().__init__(bind(graph, [IMAGE], [MAP]))

    @staticmethod
    def providers():
        """Name the devices."""
        return ("TOY-CPU", "TOY")

    def run_graph(self, feeds):
        """Run the graph once."""
        return {"depth": self.library.mean(feeds["image"])}
'''

LIBRARY: Final = """
def mean(batch):
    return batch.mean(axis=1)
"""
"""The library that the toy runtime runs its networks with: `toynet.py`, installed beside."""

FAMILY: Final = '''
class ToyFamily(InverseDepth):
    """Inverse depth of the other sign."""

    name = "toy-family"
    sentence = "minus the inverse depth of a toy"

    def read(self, outputs: Outputs, batch: Batch, camera: Camera | None) -> RawDepth:
        """Turn the sign."""
        return -super().read(outputs, batch, camera)


'''

TAB: Final = '''
"""The tab of the toy."""

import gradio as gr

from nearfar.web.tabs.base import Stage


def build(stage: Stage, tab: gr.Tab) -> None:
    """Build the tab."""
    tab.select(lambda: "toytab", outputs=stage.active, api_visibility="private")
    stage.book.make(gr.Button, {"value": "common.tab.toytab"}, elem_id="nf-toy")
'''

ROUTE: Final = '''
"""`GET /v1/toy`: say hello."""

from fastapi import APIRouter

router = APIRouter(tags=["toys"])


@router.get("/v1/toy", summary="Play with the toy")
def toy() -> dict[str, str]:
    """Say hello."""
    return {"toy": "hello"}
'''

COMMAND: Final = '''
"""Implement `nearfar toycommand`."""


def toycommand(word: str = "hello") -> None:
    """Print a word of the toy.

    Args:
        word: The word.
    """
    print(f"the toy says {word}")
'''

TOYS: Final[dict[str, tuple[Change, ...]]] = {
    "model": (
        Change(
            "models/catalog.py",
            """    ModelSpec(
        name="toy-model",
        file="toy-model.onnx",
        sha256="{sha256}",
        size_bytes={size_bytes},
        licence="MIT",
        origin="a toy, ships inside the package",
        urls=(),
        input=InputSpec(32, 32, 32, "stretch", "area", range_px=(32, 256)),
    ),
""",
            before=')\n"""Best first."""',
        ),
    ),
    "model with other inputs or outputs": (
        Change("models/family.py", FAMILY, before="FAMILIES: Final[Mapping"),
        Change("models/family.py", ", ToyFamily", after="CanonicalMetres, AffinePoints"),
    ),
    "runtime": (
        Change("runtimes/toy.py", RUNTIME),
        Change(
            "runtimes/table.py",
            '            RuntimeRow("toynet", "nearfar.runtimes.toy", "ToySession", (\n'
            '                Device(CPU, "TOY-CPU", "reinstall toynet"),\n            )),\n',
            before='            RuntimeRow(\n                "openvino",',
        ),
        Change("optional.py", '    "toynet": "toynet",\n', before='    "torch": "torch",'),
    ),
    "device": (
        Change(
            "runtimes/table.py",
            '\n                Device("toy-device", "TOY", "plug the toy in"),',
            after='Device(CPU, "TOY-CPU", "reinstall toynet"),',
        ),
    ),
    "depth format": (
        Change(
            "io/depth_codecs.py",
            "def encode_toy(samples: Samples, tags: Tags) -> bytes:\n"
            '    """NPZ behind four letters."""\n'
            '    return b"TOY1" + encode_npz(samples, tags)\n\n\n'
            "def decode_toy(data: bytes) -> tuple[Samples, Tags]:\n"
            '    """Read NPZ behind four letters."""\n'
            "    return decode_npz(data[4:])\n\n\n",
            before="def encode_npz(",
        ),
        Change(
            "io/depth_files.py",
            """        "toyfile": DepthFormat(
            suffixes=(".toy",),
            magic=(b"TOY1",),
            media_type="application/x-toy",
            sentence="Toy file, float32",
            kinds=_BOTH,
            bits=None,
            encode=codecs.encode_toy,
            decode=codecs.decode_toy,
        ),
""",
            before='    }\n)\n"""Every format by name;',
        ),
        Change("config.py", ', "toyfile"', after='"npy", "npz"'),
    ),
    "color map": (
        Change(
            "imaging/colormaps.py",
            '        "toy-colors": ((0, 0, 255), (255, 0, 0)),\n',
            before='    }\n)\n"""Name -> OpenCV\'s',
        ),
        Change("config.py", ', "toy-colors"', after='"spectral", "grey"'),
        text("web/i18n/live.py", "live.colormap.toy-colors", "Toy", before='    "live.colormap":'),
    ),
    "command": (
        Change("cli/toycommand.py", COMMAND),
        Change(
            "cli/__init__.py",
            '    "toycommand:toycommand": "Print a word of the toy.",\n',
            before='    "completion:completion":',
        ),
        Change(
            "cli/_examples.py",
            '    "toycommand": ("nearfar toycommand hello",),\n',
            before='    "completion": (',
        ),
    ),
    "effect": (
        Change("effects/toy.py", EFFECT),
        Change(
            "effects/__init__.py",
            "from nearfar.effects.toy import EFFECT as _TOY\n",
            before="from nearfar.errors import",
        ),
        Change("effects/__init__.py", "    _TOY,\n", before="    _SONIFY,\n"),
        Change(
            "effects/__init__.py", "    toy_effect,\n", before=")\nfrom nearfar.effects.navigate"
        ),
        Change("effects/__init__.py", '    "toy_effect",\n', before="]\n\nEFFECTS"),
        Change(
            "effects/functions.py",
            "from nearfar.effects.toy import EFFECT as _TOY\n"
            "from nearfar.effects.toy import ToyOptions\n",
            before="from nearfar.errors import",
        ),
        Change(
            "effects/functions.py",
            "toy_effect = _function(_TOY, ToyOptions)\n",
            before="sticker = _function(",
        ),
        text("web/i18n/effects.py", "effect.name.toy-effect", "Toy", before='    "effect.choice":'),
        text(
            "web/i18n/effects.py",
            "effect.option.toy_strength",
            "Strength of the toy",
            before='    "effect.option.focus_x":',
        ),
    ),
    "tab": (
        Change("web/tabs/toytab.py", TAB),
        Change("web/app.py", ", toytab", after="import depth, effects, live, scene, video"),
        Change(
            "web/app.py",
            '    Tab("toytab", "common.tab.toytab", toytab.build),\n',
            before='    Tab("live",',
        ),
        text("web/i18n/texts.py", "common.tab.toytab", "Toys", before='    "common.tab.live":'),
    ),
    "endpoint": (
        Change("service/routes/toy.py", ROUTE),
        Change("service/app.py", ", toy", after="import depth, geometry, health, models, probe"),
        Change("service/app.py", "toy.router, ", before="health.router)"),
    ),
    "option": (
        Change(
            "config.py",
            "    toy_gain: int = option(\n"
            '        "Factor of the toy by which the map is multiplied.", 1, ge=1, le=9\n    )\n',
            after="        ge=32,\n        le=4096,\n    )\n",
        ),
        Change("loading.py", "    toy_gain: int = 1,\n", after="    refine: bool = False,\n"),
        Change("loading.py", "toy_gain=toy_gain, ", after="options = EstimateOptions("),
        Change(
            "loading.py", "            toy_gain=toy_gain,\n", after="            refine=refine,\n"
        ),
        text("web/i18n/depth.py", "option.toy_gain", "Gain", before='    "option.refine":'),
    ),
    "metric": (
        Change(
            "evaluation/metrics.py",
            "def toy_error(depth: Values, truth: Values) -> float:\n"
            '    """Return the largest error, in the unit of the distances."""\n'
            "    return float(np.abs(depth - truth).max())\n\n\n",
            before="def silog(",
        ),
        Change(
            "evaluation/runner.py",
            "    toy_error: float | None = None\n",
            before="    temporal: float | None = None",
        ),
        Change(
            "evaluation/runner.py",
            "        toy_error=metrics.toy_error(depth, true_depth),\n",
            before="        silog=metrics.silog(",
        ),
        Change(
            "cli/evaluate.py", '    "toy_error": ("toy err", ".1f"),\n', before='    "temporal": ("'
        ),
    ),
}
"""Door of CONTRIBUTING -> the changes that it names."""
