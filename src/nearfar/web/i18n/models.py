"""The texts about models."""

from typing import Final

from nearfar.web.i18n.base import Text

MODEL: Final[dict[str, Text]] = {
    "model.auto.photo": Text(
        "Automatic: the best that is installed, for photos", "自动：已安装的最适合照片的模型"
    ),
    "model.auto.stream": Text(
        "Automatic: the lightest that is installed, for speed", "自动：已安装的最轻快的模型"
    ),
    "model.about.nearfar-base": Text(
        "nearfar-base: for photos, with finer detail", "nearfar-base：用于照片，细节更多"
    ),
    "model.about.nearfar-base-int8": Text(
        "nearfar-base-int8: the same in 8 bits, on some machines faster",
        "nearfar-base-int8：同一网络的 8 位版，在部分机器上更快",
    ),
    "model.about.nearfar-lite": Text(
        "nearfar-lite: light and fast, for clips and the camera",
        "nearfar-lite：轻而快，用于视频和摄像头",
    ),
    "model.about.nearfar-lite-int8": Text(
        "nearfar-lite-int8: the same in 8 bits, on some machines faster",
        "nearfar-lite-int8：同一网络的 8 位版，在部分机器上更快",
    ),
    "model.about.midas-small": Text(
        "midas-small: trained on far more kinds of pictures, slower",
        "midas-small：见过的画面种类多得多，较慢",
    ),
    "model.about.depth-anything-v2-small": Text(
        "depth-anything-v2-small: the most accurate, and the slowest",
        "depth-anything-v2-small：最准确，也最慢",
    ),
}
"""Key -> text; of a model in the catalog it is `model.about.<its name>`."""
