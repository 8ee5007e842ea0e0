"""The texts of the Depth tab."""

from typing import Final

from nearfar.io.depth_files import FORMATS
from nearfar.web.i18n.base import Text

DEPTH: Final[dict[str, Text]] = {
    "depth.photo": Text("Photo", "照片"),
    "depth.photo.alt": Text("The photo, with the points that were clicked", "照片，以及点选的位置"),
    "depth.model": Text("Model", "模型"),
    "option.input_size_px": Text("Input size: longest side (px)", "输入尺寸：最长边（像素）"),
    "option.input_size_px.info": Text(
        "Empty: the model's own, at which it is the most accurate. Larger shows finer detail and"
        " takes longer. Limited to the range of the model.",
        "留空即模型自身的尺寸，精度最高；越大细节越多，也越慢。超出模型范围时取最近的允许值。",
    ),
    "option.refine": Text("Refine edges", "边缘细化"),
    "option.refine.info": Text(
        "Aligns the map's edges with the photo's.", "把照片中的边缘带入深度图。"
    ),
    "option.colormap": Text("Colors", "配色"),
    "option.robust": Text("Ignore extremes", "忽略极端值"),
    "option.robust.info": Text(
        "Colors span the middle 96 % of the depths.", "配色只覆盖中间 96% 的深度。"
    ),
    "option.format": Text("Depth file", "深度文件"),
    "option.color": Text("Color PNG", "彩色 PNG"),
    "option.side_by_side": Text("Side by side", "左右对照"),
    "depth.map": Text("Depth map", "深度图"),
    "depth.map.alt": Text("The depth map: warm is near, cold is far", "深度图：暖色为近，冷色为远"),
    "depth.map.empty": Text(
        "Choose a photo, drop one anywhere on this page, or paste one: its depth map appears here."
        " Warm colors are near, cold ones far.",
        "选择、拖入或粘贴一张照片，深度图会显示在这里。暖色为近，冷色为远。",
    ),
    "depth.compare": Text("Before and after", "前后对比"),
    "depth.compare.label": Text(
        "Drag the line: photo on the left, depth on the right", "拖动分界线：左为照片，右为深度"
    ),
    "depth.near": Text("near", "近"),
    "depth.far": Text("far", "远"),
    "depth.bar": Text("Color bar from near to far", "由近到远的色条"),
    "depth.facts": Text(
        "{model} · {size} · input {fed} · inference {ms} ms on {runtime} · map {width} × {height}",
        "{model} · {size} · 输入 {fed} · 推理 {ms} 毫秒（{runtime}）· 深度图 {width} × {height}",
    ),
    "depth.points": Text("Points", "测点"),
    "depth.points.empty": Text(
        "Click the photo or the map to read how near a point is.",
        "点击照片或深度图，读取该处的远近。",
    ),
    "depth.points.more": Text(
        "Click a second point and enter both distances: every click then gives metres.",
        "再点一处并输入两处的距离，之后每次点击都会给出米数。",
    ),
    "depth.points.calibrate": Text(
        "Enter the distances of points 1 and 2: every click then gives metres.",
        "输入测点 1 和 2 的距离，之后每次点击都会给出米数。",
    ),
    "depth.point.rank": Text(
        "nearer than {percent} % of the picture", "比画面中 {percent}% 的部分更近"
    ),
    "depth.point.nearness": Text("nearness {nearness}", "近度 {nearness}"),
    "depth.point.metres": Text("{metres} m", "{metres} 米"),
    "depth.point.surfaceless": Text("very far away", "极远处"),
    "depth.point.known": Text("given", "已知"),
    "depth.between": Text(
        "Between points {first} and {second}: {metres} m",
        "测点 {first} 与 {second} 相距 {metres} 米",
    ),
    "depth.fov.assumed": Text(
        "assuming a field of view of {fov}°, which the photo does not record",
        "假定镜头水平视角为 {fov}°：照片中没有记录",
    ),
    "depth.fov.exif": Text(
        "with the field of view of {fov}° from the photo's EXIF", "按照片记录的镜头水平视角 {fov}°"
    ),
    "depth.known.first": Text("Distance of point 1 (m)", "测点 1 的距离（米）"),
    "depth.known.second": Text("Distance of point 2 (m)", "测点 2 的距离（米）"),
    "depth.calibrate": Text("Read metres", "换算成米"),
    "depth.clear": Text("Clear points", "清除测点"),
    "depth.typed": Text("Point without a mouse", "不用鼠标选点"),
    "depth.typed.empty": Text("x, y in pixels of the photo", "照片中的像素坐标 x, y"),
    "depth.typed.read": Text("Read point", "读取"),
    "depth.downloads": Text("Download", "下载"),
    **{f"depth.download.{name}": Text(name.upper(), name.upper()) for name in FORMATS},
    "depth.download.png16": Text("16-bit PNG", "16 位 PNG"),
    "depth.download.png8": Text("8-bit PNG", "8 位 PNG"),
    "depth.download.cloud": Text("Point cloud (PLY)", "点云（PLY）"),
    "depth.downloads.relative": Text(
        "Depth files contain relative depth, larger = nearer. The point cloud assumes the nearest"
        " point at {near} m and the farthest at {far} m: enter two distances for true ones.",
        "深度文件保存相对深度，数值越大越近。点云假定最近处为 {near} 米、最远处为 {far} 米；"
        "给出两处距离即可得到真实尺度。",
    ),
    "depth.downloads.metric": Text(
        "Depth files and the point cloud are in metres, based on the two distances you entered.",
        "深度文件与点云以米为单位，依据你给出的两处距离。",
    ),
    "depth.downloads.model": Text(
        "Depth files and the point cloud are in metres, from the model.",
        "深度文件与点云以米为单位，由模型直接给出。",
    ),
}
"""Key -> text; keys of options are `option.<name of its field>`."""
