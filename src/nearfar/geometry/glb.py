"""GLB, the binary form of glTF 2.0 (Khronos Group): points, or triangles with a texture."""

import json
import struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nearfar.geometry.cloud import PointCloud
from nearfar.geometry.mesh import Mesh
from nearfar.geometry.viewer import to_viewer_axes
from nearfar.version import __version__

# Numbers of the specification, sections 3.6 and 5
_KINDS: Final = {"f4": 5126, "u2": 5123, "u4": 5125}
_SHAPES: Final = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
_ARRAY_BUFFER: Final = 34962
_ELEMENT_BUFFER: Final = 34963
_POINTS: Final = 0
_TRIANGLES: Final = 4
_LINEAR: Final = 9729
_LINEAR_MIPMAP: Final = 9987
_CLAMP: Final = 33071

_UNLIT: Final = "KHR_materials_unlit"
"""Disables lighting: the photo contains its light already."""

_SRGB: Final = np.arange(256) / 255
_LINEAR_OF_SRGB: Final = np.rint(
    65535 * np.where(_SRGB <= 0.04045, _SRGB / 12.92, ((_SRGB + 0.055) / 1.055) ** 2.4)
).astype(np.uint16)
"""Vertex colors are linear (section 3.7.2.1), unlike textures."""


class _Buffer:
    """The binary chunk, and its description in the JSON chunk."""

    def __init__(self) -> None:
        self.parts: list[bytes | memoryview] = []
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.size = 0

    def add(self, data: bytes | memoryview, **about: int) -> int:
        """Append bytes, aligned to 4; return the index of their buffer view."""
        length = memoryview(data).nbytes
        view = {"buffer": 0, "byteOffset": self.size, "byteLength": length, **about}
        self.views.append(view)
        self.parts += [data, bytes(-length % 4)]
        self.size += length + -length % 4
        return len(self.views) - 1

    def add_array(self, array: NDArray[Any], target: int = _ARRAY_BUFFER, **about: bool) -> int:
        """Append an array with one row per element; return the index of its accessor."""
        rows = array.reshape(len(array), -1)
        stride = {"byteStride": rows.strides[0]} if target == _ARRAY_BUFFER else {}
        view = self.add(np.ascontiguousarray(rows).data, target=target, **stride)
        accessor: dict[str, Any] = {
            "bufferView": view,
            "componentType": _KINDS[rows.dtype.str[1:]],
            "count": len(rows),
            "type": _SHAPES[rows.shape[1]],
            **about,
        }
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def add_positions(self, points: NDArray[np.float32]) -> int:
        """Append positions, with the bounds that the specification requires."""
        number = self.add_array(points)
        self.accessors[number] |= {
            "min": [float(points[:, axis].min()) for axis in range(3)],
            "max": [float(points[:, axis].max()) for axis in range(3)],
        }
        return number


def cloud_glb(cloud: PointCloud) -> bytes:
    """Encode a cloud as points."""
    buffer = _Buffer()
    colors = np.full((len(cloud), 4), 65535, np.uint16)  # with alpha, for alignment to 4 bytes
    colors[:, :3] = _LINEAR_OF_SRGB[cloud.rgb]
    attributes = {
        "POSITION": buffer.add_positions(to_viewer_axes(cloud.xyz)),
        "COLOR_0": buffer.add_array(colors, normalized=True),
    }
    if cloud.normals is not None:
        attributes["NORMAL"] = buffer.add_array(to_viewer_axes(cloud.normals))
    primitive = {"attributes": attributes, "mode": _POINTS, "material": 0}
    material = {"extensions": {_UNLIT: {}}, "pbrMetallicRoughness": {"metallicFactor": 0}}
    return _file(buffer, primitive, cloud.note, materials=[material], extensionsUsed=[_UNLIT])


def mesh_glb(mesh: Mesh, texture: bytes, mime: str) -> bytes:
    """Encode a mesh.

    Args:
        mesh: lit by the viewer if it has normals; otherwise the photo is shown unlit.
        texture: the encoded photo.
        mime: `image/jpeg` or `image/png`.
    """
    buffer = _Buffer()
    attributes = {
        "POSITION": buffer.add_positions(to_viewer_axes(mesh.vertices)),
        "TEXCOORD_0": buffer.add_array(mesh.uv),
    }
    if mesh.normals is not None:
        attributes["NORMAL"] = buffer.add_array(to_viewer_axes(mesh.normals))
    indices = buffer.add_array(mesh.faces.view(np.uint32).reshape(-1), _ELEMENT_BUFFER)
    primitive = {"attributes": attributes, "indices": indices, "mode": _TRIANGLES, "material": 0}
    material: dict[str, Any] = {
        "doubleSided": True,
        "pbrMetallicRoughness": {
            "baseColorTexture": {"index": 0},
            "metallicFactor": 0,
            "roughnessFactor": 1,
        },
    }
    extensions: dict[str, Any] = {}
    if mesh.normals is None:
        material["extensions"] = {_UNLIT: {}}
        extensions = {"extensionsUsed": [_UNLIT]}
    sampler = {"magFilter": _LINEAR, "minFilter": _LINEAR_MIPMAP, "wrapS": _CLAMP, "wrapT": _CLAMP}
    return _file(
        buffer,
        primitive,
        mesh.note,
        materials=[material],
        textures=[{"source": 0, "sampler": 0}],
        images=[{"bufferView": buffer.add(texture), "mimeType": mime, "name": "photo"}],
        samplers=[sampler],
        **extensions,
    )


def _file(buffer: _Buffer, primitive: dict[str, Any], note: str, **parts: Any) -> bytes:
    """Assemble header, JSON chunk and binary chunk (section 4.4)."""
    document = {
        "asset": {"version": "2.0", "generator": f"nearfar {__version__}"},
        "scene": 0,
        "scenes": [{"nodes": [0], "extras": {"assumption": note, "unit": "metre"}}],
        "nodes": [{"mesh": 0, "name": "photo"}],
        "meshes": [{"primitives": [primitive]}],
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": buffer.size}],
        **parts,
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + buffer.size)
    json_head = struct.pack("<I4s", len(text), b"JSON")
    binary_head = struct.pack("<I4s", buffer.size, b"BIN\0")
    return b"".join([head, json_head, text, binary_head, *buffer.parts])
