"""The texts of the 3D tab."""

from typing import Final

from nearfar.web.i18n.base import Text

SCENE: Final[dict[str, Text]] = {
    "scene.photo.alt": Text("The photo that becomes a scene", "用来生成场景的照片"),
    "scene.view": Text("Scene", "场景"),
    "scene.empty": Text(
        "Put a photo in: it becomes a scene. Drag to turn it, scroll to come nearer.",
        "放入一张照片，即可得到三维场景：拖动旋转，滚动缩放。",
    ),
    "scene.near": Text("Nearest point (m)", "最近处（米）"),
    "scene.far": Text("Farthest point (m)", "最远处（米）"),
    "scene.assumed": Text(
        "One photo has no metres: these two distances are assumed. Change them to what you know,"
        " and the scene becomes deeper or flatter.",
        "单张照片没有米数：这两个距离是假定的。改成你知道的数值，场景会更深或更扁。",
    ),
    "scene.fov": Text(
        "Field of view (°); by EXIF, or else 60", "水平视角（°），默认按 EXIF，否则 60"
    ),
    "scene.slope": Text("Cut steeper than (°)", "剪除更陡的面（°）"),
    "scene.step": Text("Width of the meshes (px)", "网格宽度（像素）"),
    "scene.facts": Text(
        "{faces} triangles · assumed: nearest point at {near} m, farthest at {far} m · {lens}",
        "{faces} 个三角形 · 假定最近处 {near} 米、最远处 {far} 米 · {lens}",
    ),
    "scene.facts.model": Text(
        "{faces} triangles · metres of the model: {near} m to {far} m · {lens}",
        "{faces} 个三角形 · 模型给出的距离：{near} 至 {far} 米 · {lens}",
    ),
    "scene.lens.given": Text("lens {fov}° wide", "镜头水平视角 {fov}°"),
    "scene.lens.exif": Text("lens {fov}° wide, by EXIF", "镜头水平视角 {fov}°（来自 EXIF）"),
    "scene.lens.assumed": Text("lens {fov}° wide, assumed", "镜头水平视角 {fov}°（假定）"),
    "scene.downloads": Text("Download", "下载"),
    "scene.download.glb": Text("Surface (GLB)", "曲面（GLB）"),
    "scene.download.obj": Text("Surface (OBJ, ZIP)", "曲面（OBJ，ZIP）"),
    "scene.download.ply": Text("Surface (PLY)", "曲面（PLY）"),
    "scene.download.cloud": Text("Point cloud (PLY)", "点云（PLY）"),
    "scene.error.number": Text("{text} is no number.", "“{text}”不是数字。"),
    "scene.error.range": Text(
        "The nearest point must be over 0 m, and the farthest beyond it.",
        "最近处必须大于 0 米，最远处必须比它更远。",
    ),
    "scene.error.fov": Text("The field of view is 1 to 170 degrees.", "视角为 1 到 170 度。"),
    "scene.error.flat": Text(
        "Nothing of this photo is left as a surface: cut less.", "没有剩下任何曲面：请减少剪除。"
    ),
}
"""Key -> text."""
