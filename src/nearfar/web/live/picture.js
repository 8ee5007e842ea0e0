// Draws maps: levels of nearness become colors by a table, beside or over the photo.

const GAP_PX = 8;
const NARROW_PX = 560;

export class Picture {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d", { alpha: true });
    this.heat = document.createElement("canvas");
    this.view = "heat";
    this.strength = 0.6;
    this.isMirrored = false;
    this.last = null;
  }

  // table: 256 x 3 numbers, RGB, far first
  set colors(table) {
    const packed = new Uint8ClampedArray(256 * 4);
    for (let level = 0; level < 256; level++) {
      packed.set([...table.slice(level * 3, level * 3 + 3), 255], level * 4);
    }
    this.table = new Uint32Array(packed.buffer);
  }

  // Whether the photo is needed beside the map.
  get wantsPhoto() {
    return this.view !== "heat";
  }

  // map: {width, height, levels}; size: [width, height] to show it at; photo: what it was made of
  draw(map, size, photo) {
    this.last = [map, size, photo];
    this.color(map);
    const [width, height] = size;
    const isBeside = this.view === "side" && photo;
    const isBelow = isBeside && this.canvas.clientWidth < NARROW_PX;
    const right = isBeside && !isBelow ? width + GAP_PX : 0;
    const below = isBelow ? height + GAP_PX : 0;
    this.resize(width + right, height + below);
    this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (photo && this.view !== "heat") this.place(photo, 0, 0, width, height);
    if (this.view === "overlay" && photo) this.pen.globalAlpha = this.strength;
    this.place(this.heat, right, below, width, height);
    this.pen.globalAlpha = 1;
  }

  redraw() {
    if (this.last) this.draw(...this.last);
  }

  color({ width, height, levels }) {
    if (this.heat.width !== width || this.heat.height !== height) {
      this.heat.width = width;
      this.heat.height = height;
      this.image = null;
    }
    const pen = this.heat.getContext("2d");
    this.image ??= pen.createImageData(width, height);
    const pixels = new Uint32Array(this.image.data.buffer);
    for (let at = 0; at < pixels.length; at++) pixels[at] = this.table[levels[at]];
    pen.putImageData(this.image, 0, 0);
  }

  place(source, x, y, width, height) {
    this.pen.save();
    this.pen.translate(x + (this.isMirrored ? width : 0), y);
    if (this.isMirrored) this.pen.scale(-1, 1);
    this.pen.imageSmoothingQuality = "high";
    this.pen.drawImage(source, 0, 0, width, height);
    this.pen.restore();
  }

  resize(width, height) {
    if (this.canvas.width === width && this.canvas.height === height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    this.canvas.parentElement.style.aspectRatio = `${width} / ${height}`;
  }
}

// Photos in their turn: two under way, one shown, one being drawn. New canvases for each frame
// would soon be more than some phones have memory for.
export class Photos {
  constructor() {
    this.ring = Array.from({ length: 4 }, () => document.createElement("canvas"));
    this.at = 0;
  }

  take(video, [width, height]) {
    this.at = (this.at + 1) % this.ring.length;
    const photo = this.ring[this.at];
    if (photo.width !== width) photo.width = width;
    if (photo.height !== height) photo.height = height;
    photo.getContext("2d").drawImage(video, 0, 0);
    return photo;
  }
}

// A CSS gradient of a color table, far first.
export function gradient(table) {
  const stops = [];
  for (let level = 0; level < 256; level += 15) {
    stops.push(`rgb(${table.slice(level * 3, level * 3 + 3).join(" ")})`);
  }
  return `linear-gradient(to right, ${stops.join(", ")})`;
}
