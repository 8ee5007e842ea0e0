"""A grid of triangles over a depth map, cut along its edges.

Cells that an edge passes through are divided along it, as marching squares divide them (Lorensen
and Cline's marching cubes, SIGGRAPH 1987, in the plane). Both sides meet at the same line of the
picture, each with its own depth: seen from the photo's camera nothing is missing, and no
triangle leads from one side to the other.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.imaging.color import FloatMap

Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Grid:
    """A depth map, and the lines of a grid over it.

    Attributes:
        values: (H, W) float32, of which edges are steps from one pixel to the next.
        columns: (w,) borders between pixels, 0 to W, rising, from the first to the last.
        rows: (h,) likewise, 0 to H.
    """

    values: FloatMap
    columns: Indices
    rows: Indices

    @classmethod
    def over(cls, values: FloatMap, max_vertices: int, *, least_px: int = 1) -> "Grid":
        """Lay the finest grid of square cells that has no more vertices than `max_vertices`.

        Args:
            values: (H, W) float32.
            max_vertices: at the most.
            least_px: width of a cell, at the least.
        """
        height_px, width_px = values.shape
        step = least_px
        while (-(-width_px // step) + 1) * (-(-height_px // step) + 1) > max_vertices:
            step += 1
        columns, rows = (
            np.append(np.arange(0, side, step, dtype=np.intp), side)
            for side in (width_px, height_px)
        )
        return cls(values, columns, rows)

    def at_vertices(self) -> FloatMap:
        """Give the value at each vertex, (h, w): of the pixel to its lower right."""
        height_px, width_px = self.values.shape
        rows, columns = np.minimum(self.rows, height_px - 1), np.minimum(self.columns, width_px - 1)
        return np.ascontiguousarray(self.values[np.ix_(rows, columns)])


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles over a picture.

    Attributes:
        places: (V, 2) float32 columns and rows of the picture; a pixel is from n to n + 1.
        values: (V,) float32, of the depth map.
        faces: (F, 3) int32 indices, counterclockwise as seen.
    """

    places: NDArray[np.float32]
    values: NDArray[np.float32]
    faces: NDArray[np.int32]


def surface_of(grid: Grid, across: Mask, down: Mask) -> Surface:
    """Make the surface of a grid whose links are cut here and there.

    A cell with a single cut link, where an edge begins or ends, stays whole.

    Args:
        grid: of h x w vertices.
        across: (h, w - 1) bool, the links to the right that are cut.
        down: (h - 1, w) bool, the links downwards that are cut.
    """
    values = grid.at_vertices()
    numbers = np.arange(values.size).reshape(values.shape)
    places, depths = [_places(grid)], [values.reshape(-1)]
    copies = []
    for cut, along in ((across, 1), (down, 0)):
        place, sides = _crossings(grid, cut, along)
        for side in sides:  # one copy for each of the two surfaces that end here
            number = np.full(cut.shape, -1, np.intp)
            number[cut] = sum(map(len, depths)) + np.arange(len(side))
            copies.append(number)
            places.append(place)
            depths.append(side)
    right_first, right_second, lower_first, lower_second = copies
    pattern = across[:-1] + 2 * down[:, 1:] + 4 * across[1:] + 8 * down[:, :-1]
    is_whole = np.isin(pattern, _WHOLE)
    faces = [_whole_cells(values, numbers, is_whole)]
    for each in np.unique(pattern[~is_whole]).tolist():
        y, x = np.nonzero(pattern == each)
        corners = (numbers[y, x], numbers[y, x + 1], numbers[y + 1, x + 1], numbers[y + 1, x])
        # clockwise: the lower and the left link are walked backwards
        begins = [right_first[y, x], lower_first[y, x + 1]]
        begins += [right_second[y + 1, x], lower_second[y, x]]
        ends = [right_second[y, x], lower_second[y, x + 1]]
        ends += [right_first[y + 1, x], lower_first[y, x]]
        middles: list[Indices] = []
        if each in _CORNERED:
            known = np.concatenate(places)
            crossed = [known[begins[link]] for link in range(4) if each >> link & 1]
            middle = np.asarray(np.mean(crossed, axis=0), np.float32)
            for corner in corners:
                middles.append(sum(map(len, depths)) + np.arange(len(y)))
                places.append(middle)
                depths.append(values.reshape(-1)[corner])
        table = np.stack((*corners, *begins, *ends, *middles))
        faces += [table[list(triangle)].T for triangle in _triangles(each)]
    return _compact(np.concatenate(places), np.concatenate(depths), np.concatenate(faces))


def whole_surface(grid: Grid, values: FloatMap, cells: Mask) -> Surface:
    """Make an uncut surface of some cells.

    Args:
        grid: of h x w vertices.
        values: (h, w) float32, at its vertices, instead of its own.
        cells: (h - 1, w - 1) bool, which are there.
    """
    numbers = np.arange(values.size).reshape(values.shape)
    return _compact(_places(grid), values.reshape(-1), _whole_cells(values, numbers, cells))


def _places(grid: Grid) -> NDArray[np.float32]:
    y, x = np.meshgrid(grid.rows, grid.columns, indexing="ij")
    return np.stack((x, y), axis=2).reshape(-1, 2).astype(np.float32)


def _compact(
    places: NDArray[np.float32], values: NDArray[np.float32], faces: NDArray[np.integer]
) -> Surface:
    """Leave out vertices that no face uses."""
    used = np.zeros(len(places), bool)
    used[faces] = True
    number = np.cumsum(used, dtype=np.int32) - 1
    return Surface(places[used], values[used], np.asarray(number[faces], np.int32))


def _whole_cells(values: FloatMap, numbers: Indices, cells: Mask) -> Indices:
    """Divide cells along the diagonal whose ends lie closer in depth, row by row."""
    rows, columns = np.nonzero(cells)
    a, b = numbers[rows, columns], numbers[rows, columns + 1]
    c, d = numbers[rows + 1, columns], numbers[rows + 1, columns + 1]
    depth = values.reshape(-1)
    falling = np.abs(depth[a] - depth[d]) < np.abs(depth[b] - depth[c])
    first = np.stack((a, c, np.where(falling, d, b)), axis=1)
    second = np.stack((np.where(falling, a, c), d, b), axis=1)
    return np.stack((first, second), axis=1).reshape(-1, 3)


def _crossings(
    grid: Grid, cut: Mask, along: int
) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Find where the edge crosses each cut link: the pixel border at which the side changes.

    Returns:
        (n, 2) columns and rows, and the depth on the side of the earlier and of the later end.
    """
    rows, columns = np.nonzero(cut)
    lines = grid.columns if along else grid.rows
    start = lines[columns] if along else lines[rows]
    stop = lines[columns + 1] if along else lines[rows + 1]
    other = grid.rows[rows] if along else grid.columns[columns]
    height_px, width_px = grid.values.shape
    most = (width_px if along else height_px) - 1
    fixed = np.minimum(other, (height_px if along else width_px) - 1)
    span = int(np.diff(lines).max())
    pixels = np.minimum(np.minimum(start[:, None] + np.arange(span + 1), stop[:, None]), most)
    walk = grid.values[fixed[:, None], pixels] if along else grid.values[pixels, fixed[:, None]]
    ahead = walk > (walk[:, :1] + walk[:, -1:]) / 2
    first = np.argmax(ahead != ahead[:, :1], axis=1)
    each = np.arange(len(first))
    at = pixels[each, first]
    place = np.stack((at, other) if along else (other, at), axis=1).astype(np.float32)
    return place, (walk[each, np.maximum(first - 1, 0)], walk[each, first])


_WHOLE: Final = (0, 1, 2, 4, 8)
"""Patterns of cut links of cells that stay whole; bit n is link n."""

_CORNERED: Final = (7, 11, 13, 14, 15)
"""Patterns of three or four cut links, whose edges meet in the middle of the cell."""


def _triangles(pattern: int) -> list[tuple[int, int, int]]:
    """Give the triangles of a cell, for the links that are cut.

    Corners are 0 to 3, clockwise from the upper left; link n leads from corner n to the next.
    The copies of a crossing are 4 + n on the side of the link's first corner and 8 + n on that
    of its second; 12 + n is the middle of the cell, at the depth of corner n.
    """
    cut = [link for link in range(4) if pattern >> link & 1]
    triangles = []
    for link, following in zip(cut, [*cut[1:], cut[0] + 4], strict=True):
        corners = [each % 4 for each in range(link + 1, following + 1)]
        polygon = [8 + link, *corners, 4 + following % 4]
        if pattern in _CORNERED:
            polygon = [12 + corners[0], *polygon]
        triangles += [(polygon[0], after, before) for before, after in pairwise(polygon[1:])]
    return triangles
