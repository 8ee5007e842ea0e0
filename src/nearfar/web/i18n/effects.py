"""The texts of the Effects tab."""

from typing import Final

from nearfar.web.i18n.base import Text

EFFECT: Final[dict[str, Text]] = {
    "effect.name.bokeh": Text("Lens blur", "背景虚化"),
    "effect.name.rack-focus": Text("Rack focus", "移焦短片"),
    "effect.name.parallax": Text("Parallax", "视差短片"),
    "effect.name.cutout": Text("Cutout", "抠图"),
    "effect.name.sticker": Text("Sticker", "贴纸"),
    "effect.name.fog": Text("Fog", "雾"),
    "effect.name.relight": Text("Relight", "重新打光"),
    "effect.name.fade": Text("Color near, grey far", "近彩远灰"),
    "effect.name.stereo": Text("Stereo", "立体图"),
    "effect.name.autostereogram": Text("Magic eye", "裸眼立体图"),
    "effect.name.sonify": Text("Sound", "听见远近"),
    "effect.name.navigate": Text("Navigation", "导航"),
    "effect.choice": Text("Effect", "效果"),
    "effect.options": Text("Options", "选项"),
    "effect.empty": Text(
        "Put a photo in, choose an effect: the result appears here.",
        "放入一张照片，选择效果，结果会显示在这里。",
    ),
    "effect.photo.alt": Text(
        "The photo, with the places that were clicked", "照片，以及点选的位置"
    ),
    "effect.result": Text("Result", "结果"),
    "effect.result.alt": Text("What the effect made of the photo", "效果处理后的照片"),
    "effect.click.bokeh": Text(
        "Click the photo where it shall be sharp.", "点击照片中要清晰的地方。"
    ),
    "effect.click.rack-focus": Text(
        "Click the photo where focus begins, then where it ends.",
        "先点击对焦的起点，再点击终点。",
    ),
    "effect.click.cutout": Text(
        "Click the thing to cut out; without a click all that is near is taken.",
        "点击要抠出的物体；不点击则取所有近处的部分。",
    ),
    "effect.click.sticker": Text(
        "Click the photo where the sticker stands.", "点击照片中贴纸所站的地方。"
    ),
    "effect.click.relight": Text("Click the photo where the lamp is.", "点击照片中灯所在的地方。"),
    "effect.downloads": Text("Download at full size", "下载原尺寸结果"),
    "effect.download.jpg": Text("JPEG", "JPEG"),
    "effect.download.png": Text("PNG", "PNG"),
    "effect.download.webp": Text("WebP", "WebP"),
    "effect.download.mp4": Text("MP4", "MP4"),
    "effect.download.gif": Text("GIF", "GIF"),
    "effect.download.wav": Text("WAV", "WAV"),
    "effect.download.json": Text("JSON", "JSON"),
    "effect.download.zip": Text("ZIP", "ZIP"),
    "effect.none": Text("automatic", "自动"),
    "effect.option.focus_x": Text("Sharp at, from the left", "清晰处，距左"),
    "effect.option.focus_y": Text("Sharp at, from the top", "清晰处，距上"),
    "effect.option.focus_nearness": Text("Sharp nearness instead", "或直接给出清晰近度"),
    "effect.option.depth_of_field": Text("Depth of field", "景深"),
    "effect.option.aperture": Text("Aperture", "光圈"),
    "effect.option.blades": Text("Blades (0 = round)", "光圈叶片（0 为圆形）"),
    "effect.option.bloom": Text("Bloom of highlights", "高光光晕"),
    "effect.option.from_x": Text("From, from the left", "起点，距左"),
    "effect.option.from_y": Text("From, from the top", "起点，距上"),
    "effect.option.to_x": Text("To, from the left", "终点，距左"),
    "effect.option.to_y": Text("To, from the top", "终点，距上"),
    "effect.option.seconds": Text("Seconds", "秒数"),
    "effect.option.hold": Text("Rest at each end (s)", "两端停留（秒）"),
    "effect.option.back": Text("And back again", "再移回来"),
    "effect.option.fps": Text("Frames a second", "每秒帧数"),
    "effect.option.clip_side_px": Text("Longest side of the clip (px)", "短片最长边（像素）"),
    "effect.option.motion": Text("Motion", "运动方式"),
    "effect.option.parallax.amount": Text("Amount", "幅度"),
    "effect.option.focus": Text(
        "What stays in place (0 far, 1 near)", "保持不动的远近（0 远，1 近）"
    ),
    "effect.option.background": Text("Background", "背景"),
    "effect.option.color": Text("Color", "颜色"),
    "effect.option.cutout.picture": Text("Photo for the background", "用作背景的照片"),
    "effect.option.sticker.picture": Text("Picture of the sticker", "贴纸图片"),
    "effect.option.blur": Text("Blur of the background", "背景模糊"),
    "effect.option.cut": Text("Cut at nearness", "分割近度"),
    "effect.option.subject_x": Text("Subject, from the left", "主体，距左"),
    "effect.option.subject_y": Text("Subject, from the top", "主体，距上"),
    "effect.option.cutout.softness": Text("Softness of the rim", "边缘柔和"),
    "effect.option.text": Text("Text, without a picture", "文字（无图片时）"),
    "effect.option.sticker.x": Text("Foot, from the left", "底部，距左"),
    "effect.option.sticker.y": Text("Foot, from the top", "底部，距上"),
    "effect.option.relight.x": Text("Lamp, from the left", "灯，距左"),
    "effect.option.relight.y": Text("Lamp, from the top", "灯，距上"),
    "effect.option.sticker.nearness": Text("Nearness (0 far, 1 near)", "近度（0 远，1 近）"),
    "effect.option.relight.nearness": Text("Nearness of the lamp", "灯的近度"),
    "effect.option.size": Text("Size", "大小"),
    "effect.option.haze": Text("Haze", "空气感"),
    "effect.option.shadow": Text("Shadow", "阴影"),
    "effect.option.density": Text("Density", "浓度"),
    "effect.option.start": Text("Clear up to", "清晰范围"),
    "effect.option.fog.color": Text("Color, such as #cfd8dc", "颜色，例如 #cfd8dc"),
    "effect.option.brightness": Text("Brightness", "亮度"),
    "effect.option.ambient": Text("Light of the photo that stays", "保留的原有光线"),
    "effect.option.relief": Text("Relief", "起伏"),
    "effect.option.fade.softness": Text("Width of the change", "过渡宽度"),
    "effect.option.fade.amount": Text("How grey", "灰化程度"),
    "effect.option.darken": Text("How much darker", "变暗程度"),
    "effect.option.layout": Text("Layout", "排列"),
    "effect.option.separation": Text("Separation of the eyes", "双眼间距"),
    "effect.option.convergence": Text(
        "What lies on the screen (0 far, 1 near)", "屏幕所在远近（0 远，1 近）"
    ),
    "effect.option.period": Text("Width of the pattern", "图案宽度"),
    "effect.option.depth": Text("Depth", "深度"),
    "effect.option.dot_px": Text("Size of the dots (px)", "点的大小（像素）"),
    "effect.option.texture": Text("Picture instead of dots", "用图片代替圆点"),
    "effect.option.sonify.sectors": Text(
        "Left, ahead, right instead of a sweep", "改为左、前、右三段提示音"
    ),
    "effect.option.navigate.sectors": Text("Sectors", "扇区数"),
    "effect.option.fov_deg": Text("Field of view (°)", "视角（°）"),
    "effect.option.pitch_deg": Text("Looking down (°)", "俯角（°）"),
    "effect.option.camera_height_m": Text("Height of the camera (m)", "相机高度（米）"),
    "effect.option.clearance": Text(
        "Free if it reaches (camera heights)", "畅通所需距离（相机高度的倍数）"
    ),
    "effect.option.body": Text("Width of the body (camera heights)", "机身宽度（相机高度的倍数）"),
    "effect.option.cell_m": Text("Cell of the map (m)", "地图格边长（米）"),
    "effect.option.range_m": Text("Map ahead (m)", "地图前方范围（米）"),
    "effect.value.orbit": Text("Circle", "环绕"),
    "effect.value.swing": Text("Swing", "左右摆动"),
    "effect.value.dolly": Text("In and back", "推近拉远"),
    "effect.value.zoom": Text("Vertigo", "滑动变焦"),
    "effect.value.transparent": Text("Transparent", "透明"),
    "effect.value.color": Text("A color", "纯色"),
    "effect.value.photo": Text("Another photo", "另一张照片"),
    "effect.value.blur": Text("Blurred photo", "模糊的原图"),
    "effect.value.sbs": Text("Side by side", "左右并排"),
    "effect.value.half-sbs": Text("Side by side, half", "左右并排（半宽）"),
    "effect.value.tb": Text("Over and under", "上下排列"),
    "effect.value.half-tb": Text("Over and under, half", "上下排列（半高）"),
    "effect.value.cross-eyed": Text("Cross-eyed", "交叉眼"),
    "effect.value.anaglyph": Text("Red-cyan", "红青"),
    "effect.value.wiggle": Text("Wiggle", "摇摆动图"),
    "effect.error.longclip": Text(
        "That is more than {most} frames: choose fewer seconds or frames a second.",
        "超过了 {most} 帧：请减少秒数或每秒帧数。",
    ),
    "effect.error.nofont": Text(
        "No font with these letters is installed here: write Latin letters, or use a picture.",
        "这台机器没有含这些文字的字体：请用拉丁字母，或改用图片。",
    ),
    "effect.error.nobackground": Text(
        "Put a photo in for the background first.", "请先放入用作背景的照片。"
    ),
}
"""Key -> text. An option's label is `effect.option.<effect>.<option>`, or without the effect."""
