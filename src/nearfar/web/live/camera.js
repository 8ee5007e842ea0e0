// The browser's camera; what goes wrong is named by the key of the text that tells the remedy.

export class CameraError extends Error {
  constructor(key, detail = "") {
    super(detail);
    this.key = key;
  }
}

const KEYS = {
  NotAllowedError: "live.error.refused",
  SecurityError: "live.error.refused",
  NotFoundError: "live.error.absent",
  OverconstrainedError: "live.error.absent",
  NotReadableError: "live.error.taken",
  AbortError: "live.error.taken",
};

export class Camera {
  constructor(video) {
    this.video = video;
    this.stream = null;
    this.turn = 0; // of openings: one that was closed while its reader was asked is let go
  }

  // Opens a camera by its id, or any, and plays it. `ended` is called should it go away.
  async open(id, ended) {
    if (!window.isSecureContext || !navigator.mediaDevices) {
      throw new CameraError("live.error.insecure");
    }
    const video = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
    if (id) video.deviceId = { exact: id };
    else video.facingMode = "user";
    const mine = ++this.turn;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: false, video });
      if (mine !== this.turn) return release(stream);
      this.stream = this.video.srcObject = stream;
      await this.video.play();
    } catch (error) {
      if (mine !== this.turn) return;
      this.close();
      throw new CameraError(KEYS[error.name] ?? "live.error.camera", error.message);
    }
    this.track?.addEventListener("ended", ended);
  }

  get track() {
    return this.stream?.getVideoTracks()[0];
  }

  get id() {
    return this.track?.getSettings().deviceId ?? "";
  }

  // A camera that looks away from the reader shows the world as it is; all others act as a mirror.
  get facesReader() {
    return this.track?.getSettings().facingMode !== "environment";
  }

  async list() {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return devices.filter((each) => each.kind === "videoinput" && each.deviceId);
  }

  // Calls back once, when the next frame is there to be drawn.
  next(callback) {
    if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(callback);
    else requestAnimationFrame(callback);
  }

  close() {
    this.turn += 1;
    if (this.stream) release(this.stream);
    this.stream = this.video.srcObject = null;
  }
}

function release(stream) {
  for (const track of stream.getTracks()) track.stop();
}

// Keeps the screen awake while asked to, where the browser can.
export class Awake {
  async hold() {
    try {
      this.lock ??= await navigator.wakeLock?.request("screen");
      this.lock?.addEventListener("release", () => (this.lock = null));
    } catch {
      this.lock = null; // the battery is low, or the page is hidden: the picture goes on without
    }
  }

  release() {
    this.lock?.release();
    this.lock = null;
  }
}
