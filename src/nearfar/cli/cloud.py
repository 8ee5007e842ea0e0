"""Implement `nearfar cloud`: a photo in, a point cloud out."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from nearfar.cli import _shared as args
from nearfar.cli._scene_options import NO_DISTANCES, Distances, read_scene
from nearfar.cli._shared import print_json, print_photo_warnings
from nearfar.config import ImageLimits, RefinedOptions
from nearfar.errors import OutputExistsError
from nearfar.geometry.options import CloudOptions
from nearfar.io.paths import beside
from nearfar.loading import load


def cloud(
    photo: str,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], group=args.FILES)] = None,
    distances: Any = NO_DISTANCES,
    making: Annotated[CloudOptions, Parameter(name="*", name_transform=args.dashed)] = (
        CloudOptions()
    ),
    remove_outliers: Annotated[bool, Parameter(negative="")] = False,
    model: args.Model = "auto",
    runtime: args.Runtime = "auto",
    device: args.Device = "auto",
    threads: args.Threads = None,
    estimating: Annotated[
        RefinedOptions, Parameter(name="*", name_transform=args.dashed, group=args.MODEL)
    ] = (RefinedOptions()),
    force: args.Force = False,
    json_lines: args.Json = False,
    quiet: args.Quiet = False,
    limits: args.Limits = ImageLimits(),
) -> None:
    """Turn a photo into a colored point cloud in metres.

    Without any option on distances, the nearest pixel is assumed at 1 m, the farthest at 5 m.

    Args:
        photo: The photo.
        output: .ply, .glb or .xyz; `<stem>-cloud.ply` beside the photo if not given.
        remove_outliers: Leave out points far from all others (needs the extra open3d).
    """
    from nearfar.geometry import export, make_cloud

    target = output or beside(photo, "-cloud.ply")
    export.suffix_of(target, export.CLOUD_FORMATS, "cloud")
    if target.exists() and not force:
        raise OutputExistsError(f"{target} is there already: use --force to replace it")
    estimator = load(model, runtime=runtime, device=device, threads=threads, **estimating.values())
    scene = read_scene(photo, estimator, distances, limits)
    points = make_cloud(scene.depth, scene.photo, scene.camera, making)
    if remove_outliers:
        from nearfar.geometry.open3d import remove_outliers as cleaned

        points = cleaned(points)
    export.write_cloud(points, target, overwrite=force)
    if not quiet:
        print_photo_warnings(photo, scene.warnings)
    if json_lines:
        row: dict[str, Any] = {
            "output": str(target),
            "points": len(points),
            "assumption": points.note,
        }
        row |= {"warnings": list(scene.warnings)} if scene.warnings else {}
        print_json(row)
    elif not quiet:
        print(f"{target}: {len(points):,} points; {points.note}")


cloud.__annotations__["distances"] = Distances
