// The live stream: frames out, maps in. The protocol is in docs/stream.md.

const MAGIC = 0x0153464e; // "NFS" and the version, little-endian
const MOST_UNDER_WAY = 2;
const FIRST_WAIT_S = 0.5;
const LONGEST_WAIT_S = 8;

// Close codes that say why, or that trying again is of no use
const WHY = { 1012: "restarting", 1013: "full" };
const REFUSED = 1008;

export class Link {
  // told: map(map, stamp), problem(problem), state(name, seconds)
  constructor(url, token, told) {
    this.url = url;
    this.token = token;
    this.told = told;
    this.options = {};
    this.socket = null;
    this.wanted = false;
  }

  open() {
    this.wanted = true;
    this.waits = 0;
    this.connect();
  }

  close() {
    this.wanted = false;
    clearTimeout(this.timer);
    this.socket?.close();
    this.socket = null;
  }

  // Tries again without waiting, if it was waiting.
  hurry() {
    if (!this.wanted || this.socket) return;
    clearTimeout(this.timer);
    this.connect();
  }

  set(options) {
    this.options = { ...this.options, ...options };
    if (this.isOpen) this.socket.send(JSON.stringify(this.options));
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  get hasRoom() {
    return this.isOpen && this.underWay.size < MOST_UNDER_WAY;
  }

  // Sends a frame; `stamp` comes back with its map.
  send(frame, stamp) {
    if (!this.isOpen) return;
    this.underWay.set(this.sent, stamp);
    this.sent += 1;
    this.socket.send(frame);
  }

  connect() {
    this.told.state("connecting");
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.underWay = new Map();
    this.sent = 0;
    socket.onopen = () => {
      const token = this.token ? { token: this.token } : {};
      socket.send(JSON.stringify({ ...token, ...this.options }));
    };
    socket.onmessage = ({ data }) => this.socket === socket && this.receive(data);
    socket.onclose = ({ code }) => this.socket === socket && this.closed(code);
  }

  receive(data) {
    if (data instanceof ArrayBuffer) {
      const map = read(data);
      const stamp = this.underWay.get(map.frame);
      this.forget(map.frame);
      this.waits = 0;
      this.told.map(map, stamp);
      return;
    }
    const message = JSON.parse(data);
    if (message.type.startsWith("urn:nearfar:problem:")) {
      if (message.frame !== undefined) this.underWay.delete(message.frame);
      this.told.problem(message);
    }
  }

  // Answers come in order, so what is older than an answered frame was dropped.
  forget(frame) {
    for (const number of this.underWay.keys()) if (number <= frame) this.underWay.delete(number);
  }

  closed(code) {
    this.socket = null;
    if (!this.wanted) return;
    if (code === REFUSED) {
      this.wanted = false;
      this.told.state("refused");
      return;
    }
    if (document.hidden) return; // nothing would be sent: `hurry` comes when the page is seen again
    const wait_s = Math.min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** this.waits);
    this.waits += 1;
    this.timer = setTimeout(() => this.connect(), wait_s * 1000 * (0.8 + 0.4 * Math.random()));
    this.told.state(WHY[code] ?? "gone", Math.ceil(wait_s));
  }
}

function read(data) {
  const view = new DataView(data);
  if (view.getUint32(0, true) !== MAGIC) throw new Error("not an answer of a live stream");
  return {
    frame: view.getUint32(4, true),
    width: view.getUint16(8, true),
    height: view.getUint16(10, true),
    infer_ms: view.getFloat32(24, true),
    levels: new Uint8Array(data, view.getUint16(14, true)),
  };
}
