"""Arguments that several commands share, each written once."""

from typing import Annotated

from cyclopts import Parameter

from nearfar.config import EstimateOptions, ImageLimits, OutputOptions, RuntimeName


def dashed(name: str) -> str:
    """Turn a field's name into an option's: without its unit, with dashes."""
    return name.removesuffix("_px").replace("_", "-")


Model = Annotated[
    str,
    Parameter(
        name=["--model", "-m"],
        help="Which model; `nearfar models list` shows them, and what auto takes for one photo"
        " and for many.",
    ),
]
Runtime = Annotated[RuntimeName, Parameter(help="What runs it; auto is the faster installed.")]
Threads = Annotated[int | None, Parameter(help="Threads; the machine's physical cores if unset.")]
Force = Annotated[bool, Parameter(negative="", help="Replace files that are there.")]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON, a line a result.")]
Quiet = Annotated[bool, Parameter(name=["--quiet", "-q"], negative="", help="Print errors only.")]
Estimating = Annotated[EstimateOptions, Parameter(name="*", name_transform=dashed, negative="")]
Writing = Annotated[OutputOptions, Parameter(name="*", name_transform=dashed, negative="")]
Limits = Annotated[ImageLimits, Parameter(name="*", negative="")]
