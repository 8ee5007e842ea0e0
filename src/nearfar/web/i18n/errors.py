"""The page's error messages."""

from typing import Final

from nearfar.web.i18n.base import Text

ERRORS: Final[dict[str, Text]] = {
    "error.unexpected": Text(
        "Something went wrong here, not with your photo. Try again.",
        "是我们这边出了问题，与你的照片无关。请再试一次。",
    ),
    "error.option": Text("An option can't be used: {fault}", "有选项无法使用：{fault}"),
    "error.number": Text("{text} is not a number.", "“{text}”不是数字。"),
    "error.gone": Text(
        "This result has expired: choose the photo again.",
        "这个结果已不再保留：请重新放入照片。",
    ),
    "error.nophoto": Text("There is no photo yet: choose one first.", "还没有照片：请先放入一张。"),
    "error.point": Text(
        "A point is two whole numbers, such as 120, 80.", "测点是两个整数，例如 120, 80。"
    ),
    "error.points": Text(
        "There are already {most} points: clear them first.", "已有 {most} 个测点：请先清除。"
    ),
    "error.metres": Text(
        "Enter both distances in metres, such as 2.5.", "请以米为单位输入两处距离，例如 2.5。"
    ),
    "error.twopoints": Text(
        "Click two points first, then enter their distances.",
        "请先点选两处，再输入各自的距离。",
    ),
    "error.ImageError": Text("This picture can't be read.", "无法读取这张图片。"),
    "error.EmptyImageError": Text("The file is empty.", "文件是空的。"),
    "error.NotAnImageError": Text(
        "This file is not a picture. JPEG, PNG, WebP, BMP, TIFF, GIF, AVIF and HEIC can be read.",
        "这个文件不是图片。可读取 JPEG、PNG、WebP、BMP、TIFF、GIF、AVIF 和 HEIC。",
    ),
    "error.CorruptImageError": Text(
        "The picture is damaged or truncated: use an intact copy.", "图片已损坏或不完整：请换一份。"
    ),
    "error.ImageTooLargeError": Text(
        "The picture is too large: make it smaller.", "图片太大：请先缩小。"
    ),
    "error.PointError": Text("That point is outside the picture.", "这个点在画面之外。"),
    "error.CalibrationError": Text(
        "These two distances do not determine metres: choose a near and a far point, and check"
        " their distances.",
        "由这两处距离换算不出米数：请选一近一远两处，并核对各自的距离。",
    ),
    "error.BusyError": Text(
        "The service is busy: try again in a moment.", "现在人很多：请稍后再试。"
    ),
    "error.DrainingError": Text(
        "The service is starting or stopping: try again soon.", "服务正在启动或停止：请稍后再试。"
    ),
    "error.TimedOutError": Text(
        "The request timed out: try a smaller size or another model.",
        "用时太长：请用更小的尺寸或别的模型。",
    ),
    "error.InferenceError": Text(
        "The network failed on this picture: try another model.",
        "网络处理这张图片时失败：请换一个模型。",
    ),
    "error.ProcessCrashedError": Text(
        "A decoder crashed on this file: use an intact copy, or save it in another format.",
        "解码器处理这个文件时崩溃：请换一份，或另存为别的格式。",
    ),
    "error.ProcessTimeoutError": Text(
        "A decoder timed out on this file: make it smaller, or save it in another format.",
        "解码这个文件用时太长：请先缩小，或另存为别的格式。",
    ),
    "error.ProcessMemoryError": Text(
        "A decoder needs too much memory for this file: make it smaller.",
        "解码这个文件需要太多内存：请先缩小。",
    ),
    "error.OutOfMemoryError": Text(
        "There is too little memory at the moment: try again in a moment, or a smaller size.",
        "当前内存不足：请稍后再试，或使用更小的尺寸。",
    ),
    "error.DepthFileError": Text(
        "This format does not support this map: choose another.",
        "这种格式存不下这张深度图：请换一种。",
    ),
}
"""Key -> text; `error.<class>` is for that class of `nearfar.errors` and its subclasses."""
