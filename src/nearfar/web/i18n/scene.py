"""The texts of the 3D tab."""

from typing import Final

from nearfar.web.i18n.base import Text

SCENE: Final[dict[str, Text]] = {
    "scene.view": Text("Scene", "场景"),
    "scene.empty": Text(
        "Choose a photo: it appears here with depth, and you can look around in it by mouse, finger"
        " or arrow keys.",
        "选择一张照片：它会在这里变成有深度的画面，可用鼠标、手指或方向键环顾。",
    ),
    "option.near_m": Text("Nearest point (m)", "最近处（米）"),
    "option.far_m": Text("Farthest point (m)", "最远处（米）"),
    "option.camera_height_m": Text(
        "Or height of the camera over the floor (m)", "或相机离地高度（米）"
    ),
    "option.pitch_deg": Text(
        "Looking down (°), with the camera's height", "俯角（°），与相机高度一起使用"
    ),
    "option.fov_deg": Text(
        "Field of view (°); default: from EXIF, or else 60", "水平视角（°），默认按 EXIF，否则 60"
    ),
    "scene.free": Text("Turn all the way round", "允许整圈旋转"),
    "scene.files": Text("Surfaces and point cloud", "曲面与点云"),
    "option.max_slope_deg": Text("Cut surfaces steeper than (°)", "剪除更陡的面（°）"),
    "option.step_px": Text("Grid spacing (px)", "网格间距（像素）"),
    "scene.assumed": Text(
        "A photo has no metric scale. Without distances, {near} m and {far} m are assumed for the"
        " nearest and the farthest point. Enter known distances, and the scene becomes deeper or"
        " flatter.",
        "单张照片没有米数。不填时假定最近处为 {near} 米、最远处为 {far} 米。"
        "填入你知道的数值，场景会更深或更扁。",
    ),
    "scene.facts": Text(
        "{basis}: nearest point at {near} m, farthest at {far} m · {lens}",
        "{basis}：最近处 {near} 米、最远处 {far} 米 · {lens}",
    ),
    "scene.basis.range": Text("assumed", "假定"),
    "scene.basis.height": Text("from the camera's height", "按相机高度"),
    "scene.basis.model": Text("metres from the model", "模型给出的距离"),
    "scene.lens.given": Text("field of view {fov}°", "镜头水平视角 {fov}°"),
    "scene.lens.exif": Text("field of view {fov}°, from EXIF", "镜头水平视角 {fov}°（来自 EXIF）"),
    "scene.lens.assumed": Text("field of view {fov}°, assumed", "镜头水平视角 {fov}°（假定）"),
    "scene.downloads": Text("Download", "下载"),
    "scene.download.html": Text("3D photo (HTML)", "三维照片（HTML）"),
    "scene.download.glb": Text("Surface (GLB)", "曲面（GLB）"),
    "scene.download.obj": Text("Surface (OBJ, ZIP)", "曲面（OBJ，ZIP）"),
    "scene.download.ply": Text("Surface (PLY)", "曲面（PLY）"),
    "scene.download.cloud": Text("Point cloud (PLY)", "点云（PLY）"),
    "scene.error.range": Text(
        "The nearest point must be farther than 0 m, and the farthest point beyond it.",
        "最近处必须大于 0 米，最远处必须比它更远。",
    ),
    "scene.error.flat": Text(
        "No surface of this photo is left: increase the angle at which surfaces are cut.",
        "没有剩下任何曲面：请减少剪除。",
    ),
}
"""Key -> text."""
