"""The texts of the live page, used by its script."""

from typing import Final

from nearfar.web.i18n.base import Text

LIVE: Final[dict[str, Text]] = {
    "live.title": Text("Live depth", "实时深度"),
    "live.claim": Text("Near glows, far fades.", "近处明亮，远处暗淡。"),
    "live.home": Text("Open nearfar's other tools", "打开 nearfar 的其他功能"),
    "live.stage": Text("Depth of what the camera sees", "摄像头画面的深度"),
    "live.start": Text("Start", "开始"),
    "live.stop": Text("Stop", "停止"),
    "live.again": Text("Try now", "立即重试"),
    "live.options": Text("Picture", "画面"),
    "live.camera": Text("Camera", "摄像头"),
    "live.camera.any": Text("Any camera", "任意摄像头"),
    "live.camera.number": Text("Camera {number}", "摄像头 {number}"),
    "live.model": Text("Model", "模型"),
    "live.view": Text("View", "显示方式"),
    "live.view.heat": Text("Heat map", "热力图"),
    "live.view.side": Text("Side by side", "左右对照"),
    "live.view.overlay": Text("Overlay", "叠加"),
    "live.strength": Text("Strength of the overlay", "叠加强度"),
    "live.colormap": Text("Colors", "配色"),
    "live.colormap.inferno": Text("Inferno", "Inferno（炽焰）"),
    "live.colormap.magma": Text("Magma", "Magma（岩浆）"),
    "live.colormap.viridis": Text("Viridis", "Viridis（翠绿）"),
    "live.colormap.turbo": Text("Turbo", "Turbo（彩虹）"),
    "live.colormap.spectral": Text("Spectral", "Spectral（光谱）"),
    "live.colormap.grey": Text("Grey", "灰度"),
    "live.size": Text("Frame size", "帧尺寸"),
    "live.size.side": Text("{side} px", "{side} 像素"),
    "live.mirror": Text("Mirror the picture", "镜像画面"),
    "live.ear": Text("For the ear", "声音提示"),
    "live.tone": Text("A tone indicates how near the object ahead is", "用声音提示前方的远近"),
    "live.volume": Text("Volume", "音量"),
    "live.sides": Text("Left and right too, in stereo", "同时提示左右（立体声）"),
    "live.telling": Text("Say it in words, for screen readers", "用文字提示（供读屏软件朗读）"),
    "live.ear.note": Text(
        "Higher and faster means nearer, relative to the rest of the picture, not in metres. Not an"
        " aid for traffic or stairs.",
        "音越高、越急促，离得越近；这是相对画面其余部分而言，无法给出米数。请勿在交通或台阶处依赖它。",
    ),
    "live.heard": Text(
        "left: {left}; ahead: {ahead}; right: {right}", "左：{left}；前方：{ahead}；右：{right}"
    ),
    "live.heard.free": Text("free", "畅通"),
    "live.heard.off": Text("some way off", "稍远"),
    "live.heard.equal": Text(
        "everything is equally far; no depth differences", "各处远近相同，无法分辨"
    ),
    "live.language": Text("Language", "语言"),
    "live.numbers": Text("Measured here", "实测"),
    "live.fps": Text("Frames per second", "每秒帧数"),
    "live.latency": Text("Camera to screen", "端到端延迟"),
    "live.infer": Text("Network", "网络推理"),
    "live.map": Text("Map", "深度图"),
    "live.near": Text("near", "近"),
    "live.far": Text("far", "远"),
    "live.privacy": Text(
        "Frames go to {host} and nowhere else; they are not kept.",
        "画面只发送到 {host}，不会保存。",
    ),
    "live.status.idle": Text("Press Start and allow the camera.", "点击“开始”，并允许使用摄像头。"),
    "live.status.asking": Text("Waiting for the camera…", "正在等待摄像头……"),
    "live.status.connecting": Text("Connecting…", "正在连接……"),
    "live.status.running": Text("Live", "实时"),
    "live.status.gone": Text(
        "The connection to the server was lost. Trying again in {seconds} s.",
        "与服务器断开，{seconds} 秒后重试。",
    ),
    "live.status.full": Text(
        "The maximum number of live streams is reached. Trying again in {seconds} s.",
        "实时画面的名额已满，{seconds} 秒后重试。",
    ),
    "live.status.restarting": Text(
        "The server is restarting. Trying again in {seconds} s.",
        "服务器正在重启，{seconds} 秒后重试。",
    ),
    "live.status.busy": Text(
        "The server is busy: some frames are dropped.", "服务器繁忙：部分帧被略过。"
    ),
    "live.status.paused": Text("Paused while this page is hidden.", "页面不可见，已暂停。"),
    "live.error.refused": Text(
        "The camera is not allowed here. Allow it for this page (the camera or lock sign in the"
        " address bar), then press Start.",
        "摄像头未获允许。请点击地址栏的摄像头或锁形图标，为本页允许摄像头，再点击“开始”。",
    ),
    "live.error.absent": Text(
        "No camera was found. Connect one, then press Start.",
        "没有找到摄像头。请接上摄像头，再点击“开始”。",
    ),
    "live.error.taken": Text(
        "Another program is using the camera. Close it, then press Start.",
        "摄像头正被其他程序占用。请关闭该程序，再点击“开始”。",
    ),
    "live.error.insecure": Text(
        "Browsers allow the camera only on secure pages. Open this page at http://localhost on the"
        " machine that serves it, or put HTTPS in front of the server.",
        "浏览器只允许安全的页面使用摄像头。请在服务器本机用 http://localhost 打开本页，"
        "或为服务器配置 HTTPS。",
    ),
    "live.error.token": Text(
        "This server requires a token. Open this page with #token=… at the end of its address.",
        "此服务器需要令牌。请在本页网址末尾加上 #token=… 再打开。",
    ),
    "live.error.ended": Text(
        "The camera was disconnected. Connect it again, then press Start.",
        "摄像头已断开。请重新连接，再点击“开始”。",
    ),
    "live.error.frame": Text("The server says: {detail}", "服务器提示：{detail}"),
    "live.error.camera": Text("The camera failed: {detail}", "摄像头出错：{detail}"),
}
"""Key -> text."""
