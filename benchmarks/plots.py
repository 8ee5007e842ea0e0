"""The plots of the page, from what the results hold."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.result import Bars, Drawing, Growth

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STYLE: Final[dict[Any, Any]] = {
    "svg.hashsalt": "nearfar",  # the same figures give the same file
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_COLORS: Final = ("#b5364c", "#35618f", "#3a7d44", "#8a5a9e")
_WIDTH_IN: Final = 6.4


def draw(drawing: Drawing, path: Path) -> None:
    """Draw one as SVG; the folder is made where it is not there.

    Args:
        drawing: what it shows.
        path: of the file.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rows = len(drawing.labels) if isinstance(drawing, Bars) else 10
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH_IN, 0.9 + 0.26 * rows), layout="constrained")
        axes = figure.subplots()
        axes.set_title(drawing.title, loc="left", fontsize=10)
        if isinstance(drawing, Bars):
            _bars(axes, drawing)
        else:
            _growth(axes, drawing)
        path.parent.mkdir(exist_ok=True)
        nothing: dict[str, Any] = {"Date": None, "Creator": None}
        figure.savefig(path, format="svg", metadata=nothing)


def _growth(axes: "Axes", drawing: Growth) -> None:
    for curve, color in zip(drawing.curves, _COLORS, strict=False):
        axes.loglog(curve.x, curve.y, "o-", color=color, label=curve.name, markersize=4)
        slope = [curve.y[-1] * x / curve.x[-1] for x in curve.x]
        axes.loglog(curve.x, slope, ":", color=color, alpha=0.6, linewidth=1)
    axes.plot([], [], ":", color="grey", linewidth=1, label="linear")
    axes.set_xlabel(drawing.x)
    axes.set_ylabel(drawing.y)
    axes.grid(which="both", alpha=0.25)
    axes.legend(frameon=False, fontsize=8)


def _bars(axes: "Axes", drawing: Bars) -> None:
    bars = axes.barh(drawing.labels, drawing.values, color=_COLORS[1])
    labels = [f"{each:,.0f}" if each >= 100 else f"{each:.3g}" for each in drawing.values]
    axes.bar_label(bars, labels, padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(drawing.unit)
    axes.margins(x=0.12)
