"""Implement `nearfar probe`: read the depth at points of a photo."""

import json
from typing import Annotated

from cyclopts import Parameter

from nearfar.cli import _shared as args
from nearfar.cli._shared import parse_point, print_photo_warnings
from nearfar.config import EstimateOptions, ImageLimits
from nearfar.loading import load


def probe(
    photo: str,
    points: Annotated[list[str], Parameter(negative="")],
    *,
    model: args.Model = "auto",
    runtime: args.Runtime = "auto",
    device: args.Device = "auto",
    threads: args.Threads = None,
    estimating: args.Estimating = EstimateOptions(),
    fov: args.Fov = None,
    json_lines: args.Json = False,
    limits: args.Limits = ImageLimits(),
) -> None:
    """Read how near points of a photo are; in metres, when the distance of two is given.

    A model that knows metres gives them without any distance.

    Args:
        photo: The photo.
        points: X,Y in pixels from the upper left corner, or X,Y=1.5m where the distance is
            known (mm, cm, m or km). Two known distances give metres for all points.
    """
    from nearfar.calibration import KnownPoint, fit_points
    from nearfar.depth import MetricDepth
    from nearfar.io.images import ImageFile

    parsed = [parse_point(text) for text in points]
    known = [KnownPoint(x_px, y_px, metres) for x_px, y_px, metres in parsed if metres is not None]
    with ImageFile(photo, limits=limits) as file:
        estimator = load(
            model, runtime=runtime, device=device, threads=threads, **estimating.values()
        )
        found = estimator.from_file(file, fov_deg=fov)
        print_photo_warnings(photo, file.warnings)
    metric = found if isinstance(found, MetricDepth) else None
    depth = found.relative()
    if known:
        metric = fit_points(depth, known).apply(depth)
    nearness = depth.nearness()
    for x_px, y_px, _ in parsed:
        row: dict[str, float | None] = {
            "x_px": x_px,
            "y_px": y_px,
            "inverse_depth": round(depth.at(x_px, y_px), 4),
            "nearness": round(float(nearness[y_px, x_px]), 4),
            "nearer_than_percent": round(depth.percentile(x_px, y_px), 1),
        }
        if metric is not None:
            metres = metric.at(x_px, y_px)
            row["metres"] = round(metres, 3) if metres < float("inf") else None
        print(json.dumps(row) if json_lines else _sentence(row))


def _sentence(row: dict[str, float | None]) -> str:
    text = (
        f"{row['x_px']:>5},{row['y_px']:<5} nearness {row['nearness']:.2f},"
        f" nearer than {row['nearer_than_percent']:.0f} % of the picture"
    )
    if "metres" not in row:
        return text
    return f"{text}, {row['metres']:.2f} m" if row["metres"] is not None else f"{text}, far away"
