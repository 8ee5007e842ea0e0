"""The texts of the bar in which a photo is chosen, and of the page's own script."""

from typing import Final

from nearfar.web.i18n.base import Text

PHOTO: Final[dict[str, Text]] = {
    "photo.choose": Text("Choose a photo", "选择照片"),
    "photo.camera": Text("Camera", "拍照"),
    "photo.hint": Text(
        "Or drop one anywhere on this page, or paste it with Ctrl+V.",
        "也可以把照片拖到页面任意处，或用 Ctrl+V 粘贴。",
    ),
    "photo.options": Text("Model and precision", "模型与精度"),
    "photo.credits": Text("Authors and licences of the examples", "示例照片的作者与许可"),
    "photo.example.street": Text("Street", "街道"),
    "photo.example.indoor": Text("Indoor", "室内"),
    "photo.example.pet": Text("Pet", "宠物"),
    "photo.example.portrait": Text("Portrait", "人像"),
    "photo.example.landscape": Text("Landscape", "风景"),
    "photo.example.clip": Text("Clip", "视频"),
    "page.drop": Text("Drop the photo here", "松开即可放入照片"),
    "page.take": Text("Take the photo", "拍照"),
    "page.close": Text("Close", "关闭"),
    "page.nocamera": Text(
        "The camera can't be used: allow it in the browser, and open this page by https or on"
        " this machine.",
        "无法使用摄像头：请在浏览器中允许，并通过 https 或在本机打开本页。",
    ),
    "page.toolarge": Text(
        "The file has {size} MiB, more than the limit of {limit} MiB: make it smaller.",
        "文件有 {size} MiB，超过允许的 {limit} MiB：请先缩小。",
    ),
    "page.nophoto": Text("This contains no picture.", "其中没有图片。"),
    "common.complete": Text("Done", "完成"),
}
"""Key -> text; those that begin with `page.` are for `page.js`."""
