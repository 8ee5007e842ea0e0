"""What `nearfar quantize` found: float against int8, and whether that is good enough."""

from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True)
class Speed:
    """Medians of a run in one runtime.

    Attributes:
        runtime: its name.
        float_ms: of the model as it was.
        int8_ms: of the new one.
    """

    runtime: str
    float_ms: float
    int8_ms: float

    @property
    def speedup(self) -> float:
        """How many times as fast int8 is."""
        return self.float_ms / self.int8_ms


@dataclass(frozen=True)
class Comparison:
    """A model in float and in int8.

    Attributes:
        model: its name.
        name: of the model in int8.
        sizes_bytes: of the files, float and int8, as all pairs here.
        disagreement: of the maps, as part of their mean absolute deviation.
        bad_pixel: percent on the validation set; None without one.
        speeds: in each runtime.
        ranges: which ranges of the activations were taken.
        layers: convolutions that could be in int8.
        kept_float: names of those of them that are not.
        refused: why the new model is not good enough; None if it is.
    """

    model: str
    name: str
    sizes_bytes: tuple[int, int]
    disagreement: float
    bad_pixel: tuple[float, float] | None
    speeds: tuple[Speed, ...]
    ranges: str
    layers: int
    kept_float: tuple[str, ...]
    refused: str | None = None

    def judged(self, bound: float, disagreement: float) -> "Comparison":
        """Say in `refused` what is wrong with it.

        Args:
            bound: points of bad pixels that int8 may have more; without them ...
            disagreement: ... the largest of the maps.
        """
        why = None
        if len(self.kept_float) == self.layers:
            why = "no layer could be int8: allow more with a larger --disagreement"
        elif all(speed.int8_ms >= speed.float_ms for speed in self.speeds):
            best = max(speed.speedup for speed in self.speeds)
            why = f"it is slower in every runtime ({best:.2f} times as fast at best)"
        elif self.bad_pixel is not None:
            before, after = self.bad_pixel
            if after - before > bound:
                why = (
                    f"it has {after:.2f} % bad pixels, not {before:.2f} %: allow it with a larger"
                    " --bound, or calibrate with more photos"
                )
        elif self.disagreement > disagreement:
            why = f"its maps differ by {self.disagreement:.3f}, more than {disagreement:g}"
        return replace(self, refused=why)

    def row(self) -> dict[str, object]:
        """Give all figures for JSON."""
        speeds = [asdict(speed) | {"speedup": speed.speedup} for speed in self.speeds]
        return asdict(self) | {"speeds": speeds, "kept": self.refused is None}


def show(compared: Comparison) -> None:
    """Print the table."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(title=compared.name, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("")
    for heading in ("float", "int8", "ratio"):
        table.add_column(heading, justify="right")
    before, after = (size / 1e6 for size in compared.sizes_bytes)
    table.add_row("file, MB", f"{before:.1f}", f"{after:.1f}", f"{before / after:.2f}")
    for speed in compared.speeds:
        cells = (f"{speed.float_ms:.1f}", f"{speed.int8_ms:.1f}", f"{speed.speedup:.2f}")
        table.add_row(f"{speed.runtime}, ms", *cells)
    if compared.bad_pixel is not None:
        table.add_row("bad pixels, %", *(f"{share:.2f}" for share in compared.bad_pixel), "")
    table.add_row("disagreement", "0", f"{compared.disagreement:.3f}", "")
    console = Console(highlight=False)
    console.print(table)
    kept = ", ".join(compared.kept_float) or "none but the last"
    text = f"{compared.layers} convolutions could be int8; kept in float: {kept}"
    console.print(text, markup=False, soft_wrap=True)
