"""What a benchmark found, as it lies in `benchmarks/results/<name>.json`."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from nearfar.runtimes.cpu import cpu_name, physical

RESULTS: Final = Path(__file__).parent / "results"

_PACKAGES: Final = (
    "nearfar",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "onnxruntime",
    "openvino",
    "torch",
)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Spread(_Record):
    """Several measurements of one thing."""

    median: float
    min: float
    max: float
    count: int


Cell = Spread | float | int | str | None
"""One entry of a table; None where there is nothing to tell."""


class Table(_Record):
    """Rows of figures; each row has one cell a column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Ratio(_Record):
    """One figure against another.

    Attributes:
        what: over what, in words.
        value: the quotient of the medians, or their difference where `unit` says so.
        bound: what was promised; None where nothing was.
        at_least: the bound is a lower one.
        unit: empty for a quotient.
    """

    what: str
    value: float
    bound: float | None = None
    at_least: bool = False
    unit: str = ""

    @property
    def kept(self) -> bool | None:
        """Whether the bound is kept; None where there is none."""
        if self.bound is None:
            return None
        return self.value >= self.bound if self.at_least else self.value <= self.bound


class Curve(_Record):
    """One line of a plot: y over x."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


class Growth(_Record):
    """A plot on two logarithmic axes.

    Attributes:
        name: of its file, behind that of the result.
        title: above it.
        x: what the lower axis counts.
        y: what the left axis counts.
        curves: its lines.
    """

    name: str
    title: str
    x: str
    y: str
    curves: tuple[Curve, ...]


class Bars(_Record):
    """A plot of one bar a thing.

    Attributes:
        name: of its file, behind that of the result.
        title: above it.
        unit: of the values.
        labels: of the bars, from above.
        values: how long each is.
    """

    name: str
    title: str
    unit: str
    labels: tuple[str, ...]
    values: tuple[float, ...]


Drawing = Growth | Bars


class Machine(_Record):
    """Where it was measured."""

    cpu: str
    cores: int
    system: str
    python: str
    packages: dict[str, str]


class Result(_Record):
    """One benchmark.

    Attributes:
        name: of its module in `benchmarks` and of its file.
        title: heading of its section.
        question: what was asked, in a sentence or two.
        data: what it was measured on.
        command: repeats it.
        machine: where.
        ratios: the answer.
        tables: what it rests on.
        notes: what a reader must know to take it rightly.
        plots: drawn from the same figures.
    """

    name: str
    title: str
    question: str
    data: str
    command: str
    machine: Machine
    ratios: tuple[Ratio, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()
    plots: tuple[Drawing, ...] = ()


def write(
    name: str,
    *,
    title: str,
    question: str,
    data: str,
    ratios: list[Ratio],
    tables: list[Table],
    arguments: str = "",
    notes: tuple[str, ...] = (),
    plots: tuple[Drawing, ...] = (),
) -> None:
    """Write the result of a benchmark and print its ratios; see `Result` for the arguments.

    Args:
        name: of the benchmark.
        title: see `Result`.
        question: see `Result`.
        data: see `Result`.
        ratios: see `Result`.
        tables: see `Result`.
        arguments: of the command that repeats it.
        notes: see `Result`.
        plots: see `Result`.
    """
    result = Result(
        name=name,
        title=title,
        question=question,
        data=data,
        command=f"python -m benchmarks.{name} {arguments}".strip(),
        machine=_machine(),
        ratios=tuple(ratios),
        tables=tuple(tables),
        notes=notes,
        plots=plots,
    )
    RESULTS.mkdir(exist_ok=True)
    rounded = Result.model_validate(_rounded(result.model_dump()))
    text = rounded.model_dump_json(indent=1) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
    for ratio in ratios:
        print(f"{name}: {ratio.what}: {ratio.value:.3g}{ratio.unit}", flush=True)


def _rounded(value: object) -> object:
    """Keep four digits of every float: more were never measured."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return value


def _machine() -> Machine:
    return Machine(
        cpu=f"{cpu_name()} ({platform.machine()})",
        cores=physical(),
        system=platform.system(),
        python=platform.python_version(),
        packages={name: found for name in _PACKAGES if (found := _version(name))},
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
