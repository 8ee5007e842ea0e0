"""The texts of the Video tab."""

from typing import Final

from nearfar.web.i18n.base import Text

VIDEO: Final[dict[str, Text]] = {
    "video.clip": Text("Clip", "视频"),
    "video.clip.note": Text(
        "MP4, MOV, WebM, MKV, AVI or MPEG, a few minutes at most; or record one with the camera.",
        "支持 MP4、MOV、WebM、MKV、AVI、MPEG，最长几分钟；也可以用摄像头录制。",
    ),
    "video.sample": Text("Try the example clip", "试试示例视频"),
    "video.choice": Text("Make of it", "生成"),
    "video.show.color": Text("Depth in colors", "彩色深度"),
    "video.show.side": Text("Clip and depth", "原片与深度并排"),
    "video.show.grey10": Text("10-bit grey (MKV)", "10 位灰度（MKV）"),
    "video.show.png16": Text("16-bit PNGs (ZIP)", "16 位 PNG 序列（ZIP）"),
    "video.show.exr": Text("EXRs (ZIP)", "EXR 序列（ZIP）"),
    "option.steady": Text("Steady range", "稳定范围"),
    "option.steady.info": Text(
        "Colors stay stable when an object enters.", "有物体进入时颜色不会跳动。"
    ),
    "option.smooth": Text("Smooth along movement", "沿运动平滑"),
    "option.smooth.info": Text("Reduces flicker of the map.", "去除深度图的闪烁。"),
    "option.deinterlace": Text("Deinterlace", "去隔行"),
    "option.deinterlace.info": Text(
        "Deinterlaces frames; auto: if the clip is marked as interlaced.",
        "把隔行画面合成完整画面；auto：视频自身标明隔行时才处理。",
    ),
    "video.options": Text("Model and precision", "模型与精度"),
    "video.start": Text("Start", "开始"),
    "video.cancel": Text("Cancel", "取消"),
    "video.empty": Text(
        "Choose a clip and press Start: its depth is shown during processing, and you can play and"
        " keep the result.",
        "放入一段视频并点击“开始”：处理时即可看到深度，完成后可以播放和保存。",
    ),
    "video.progress": Text("Progress", "进度"),
    "video.preview": Text("Newest frame and its depth", "最新一帧及其深度"),
    "video.waiting": Text(
        "Waiting: {ahead} clips come first.", "等待中：前面还有 {ahead} 段视频。"
    ),
    "video.begun": Text("Processing the first frames …", "正在处理最初几帧……"),
    "video.frames": Text(
        "{done} of {all} frames · {percent} %", "第 {done} 帧，共 {all} 帧 · {percent}%"
    ),
    "video.frames.unknown": Text("{done} frames so far", "已完成 {done} 帧"),
    "video.left.seconds": Text("about {seconds} s left", "约剩 {seconds} 秒"),
    "video.left.minutes": Text("about {minutes} min left", "约剩 {minutes} 分钟"),
    "video.finishing": Text("writing the end of the file …", "正在写完文件……"),
    "video.result": Text("Result", "结果"),
    "video.facts": Text("{frames} frames · {size} · {model}", "{frames} 帧 · {size} · {model}"),
    "video.unplayable": Text(
        "Browsers can't play this kind of file: download it.", "浏览器无法播放这种文件：请下载。"
    ),
    "video.damaged": Text(
        "Parts of the clip are missing: it is damaged or truncated, or contains data that"
        " this format does not support, such as subtitles.",
        "视频未能全部保留：可能已损坏或不完整，也可能含有结果文件无法保存的内容，例如字幕。",
    ),
    "video.download": Text("Download", "下载"),
    "video.error.noclip": Text(
        "There is no clip yet: choose one first.", "还没有视频：请先放入一段。"
    ),
    "video.error.stopped": Text(
        "Processing of this clip was stopped: start again.", "这段视频的处理已被中止：请重新开始。"
    ),
    "video.error.clip-too-large": Text(
        "The clip is too large: send a shorter one, or smaller frames.",
        "视频太大：请换更短或画面更小的视频。",
    ),
    "video.error.not-a-clip": Text(
        "This file is not a supported clip. MP4, MOV, WebM, MKV, AVI and MPEG can be read.",
        "无法读取这个文件：请使用 MP4、MOV、WebM、MKV、AVI 或 MPEG。",
    ),
    "video.error.damaged-clip": Text(
        "This clip can't be processed: {detail}.", "无法处理这段视频：{detail}。"
    ),
    "video.error.decoder-crashed": Text(
        "A decoder crashed on this clip: use an intact copy, or save it in another format.",
        "解码器处理这段视频时崩溃：请换一份，或另存为别的格式。",
    ),
    "video.error.decoder-timeout": Text(
        "A decoder timed out on this clip: make it smaller, or save it in another format.",
        "解码这段视频用时太长：请先缩小，或另存为别的格式。",
    ),
    "video.error.decoder-memory": Text(
        "A decoder needs too much memory for this clip: make its frames smaller.",
        "解码这段视频需要太多内存：请缩小画面。",
    ),
    "video.error.out-of-memory": Text(
        "There is too little memory at the moment: try again in a moment.",
        "当前内存不足：请稍后再试。",
    ),
    "video.error.no-room": Text(
        "No more clips can be accepted at the moment: try again later.",
        "目前没有存放视频的空间：请稍后再试。",
    ),
    "video.error.bad-option": Text("An option can't be used: {detail}", "有选项无法使用：{detail}"),
    "video.error.not-installed": Text(
        "Clips are not supported here: the service was installed without the video extra.",
        "这里无法读取视频：服务未安装视频组件。",
    ),
    "video.error.internal": Text(
        "Something went wrong here, not with your clip. Try again.",
        "是我们这边出了问题，与你的视频无关。请再试一次。",
    ),
}
"""Key -> text. A refusal's is `video.error.<reason>`, see `backend.ClipRefusedError`."""
