"""Implement `nearfar mesh`: a photo in, a textured surface out."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from nearfar.cli import _shared as args
from nearfar.cli._scene_options import NO_DISTANCES, Distances, read_scene
from nearfar.cli._shared import print_json, print_photo_warnings
from nearfar.config import ImageLimits, RefinedOptions
from nearfar.errors import OutputExistsError
from nearfar.geometry.options import MeshOptions
from nearfar.io.paths import beside
from nearfar.loading import load


def mesh(
    photo: str,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], group=args.FILES)] = None,
    distances: Any = NO_DISTANCES,
    making: Annotated[MeshOptions, Parameter(name="*", name_transform=args.dashed)] = (
        MeshOptions()
    ),
    poisson: Annotated[bool, Parameter(negative="")] = False,
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
    """Turn a photo into a surface of triangles in metres, with the photo as its texture.

    Without any option on distances, the nearest pixel is assumed at 1 m, the farthest at 5 m.

    Args:
        photo: The photo.
        output: .glb, .obj or .ply; `<stem>-mesh.glb` beside the photo if not given.
        poisson: A smooth surface that closes gaps instead of a cut one (needs the extra open3d).
    """
    from nearfar.geometry import CloudOptions, export, make_cloud, make_mesh_for

    target = output or beside(photo, "-mesh.glb")
    suffix = export.suffix_of(target, export.MESH_FORMATS, "mesh")
    if target.exists() and not force:
        raise OutputExistsError(f"{target} is there already: use --force to replace it")
    estimator = load(model, runtime=runtime, device=device, threads=threads, **estimating.values())
    scene = read_scene(photo, estimator, distances, limits)
    if poisson:
        from nearfar.geometry.open3d import poisson_mesh

        cloud = CloudOptions(
            max_points=making.max_vertices,
            max_slope_deg=making.max_slope_deg,
            min_patch_px=making.min_patch_px,
            normals=True,
        )
        points = make_cloud(scene.depth, scene.photo, scene.camera, cloud)
        surface, texture = poisson_mesh(points, scene.camera), scene.photo
    else:
        surface, texture = make_mesh_for(suffix, scene.depth, scene.photo, scene.camera, making)
    export.write_mesh(surface, texture, target, options=making, overwrite=force)
    count = len(surface.faces)
    if not quiet:
        print_photo_warnings(photo, scene.warnings)
    if json_lines:
        row: dict[str, Any] = {"output": str(target), "faces": count, "assumption": surface.note}
        row |= {"warnings": list(scene.warnings)} if scene.warnings else {}
        print_json(row)
    elif not quiet:
        print(f"{target}: {count:,} triangles; {surface.note}")


mesh.__annotations__["distances"] = Distances
