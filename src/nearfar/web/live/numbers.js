// What is measured in the browser: frames a second, and the way from the camera to the screen.

const OVER_MS = 2000;
const NEWEST_COUNTS = 0.15;

export class Numbers {
  constructor(places) {
    this.places = places; // name -> element
    this.frames = 0;
    this.reset();
  }

  reset() {
    this.times = [];
    this.latency = this.infer = this.size = null;
  }

  count(map, latency_ms) {
    this.frames += 1;
    this.times.push(performance.now());
    this.latency = blend(this.latency, latency_ms);
    this.infer = blend(this.infer, map.infer_ms);
    this.size = `${map.width} × ${map.height}`;
  }

  show(isOn) {
    const now = performance.now();
    this.times = this.times.filter((time) => now - time < OVER_MS);
    const rate = (this.times.length * 1000) / OVER_MS;
    this.write("fps", isOn ? rate.toFixed(rate < 10 ? 1 : 0) : null);
    this.write("latency", isOn && this.latency !== null ? `${this.latency.toFixed(0)} ms` : null);
    this.write("infer", isOn && this.infer !== null ? `${this.infer.toFixed(0)} ms` : null);
    this.write("size", isOn ? this.size : null);
  }

  write(name, text) {
    this.places[name].textContent = text ?? "–";
  }
}

function blend(old, value) {
  return old === null ? value : old + (value - old) * NEWEST_COUNTS;
}
