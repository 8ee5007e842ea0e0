// How near the nearest things are to the left, ahead and to the right: as tones and in words.
// Limits, pitches and pulses are those of nearfar's effect "sonify".

export const NEAR = 0.66; // nearness from which something is called near
export const FREE = 0.33; // and below which a direction is called free
const PART = 0.9; // the nearest tenth of a direction speaks for it, not one pixel
const FLOOR = 0.25; // lowest part of the picture, left out: the floor there is always near

const TONES_HZ = [330, 660]; // of a free and of a blocked direction
const PULSES_HZ = [1.5, 10];
const QUIETEST = 0.15;
const PANS = [-1, 0, 1];
const AHEAD = 1;
const GLIDE_S = 0.04; // slower than a click, faster than a step
const HOLD_S = 1; // without a new map the tone would tell of what is no longer there
const FADE_S = 0.15;

const GRADES = ["live.heard.free", "live.heard.off", "live.near"];
const SAID_MS = 2500; // at the most so often, or a screen reader would never come to an end

// map: {width, height, levels}, 0 far to 255 near. Gives [left, ahead, right] as they are shown,
// 0 to 1, or null where everything is equally far.
export function lookAround({ width, height, levels }, isMirrored) {
  const counts = PANS.map(() => new Uint32Array(256));
  const rows = Math.max(1, Math.round(height * (1 - FLOOR)));
  for (let column = 0; column < width; column++) {
    const own = counts[Math.min(2, Math.floor((3 * column) / width))];
    for (let at = column; at < rows * width; at += width) own[levels[at]] += 1;
  }
  const isFlat = levels.every((level) => level === levels[0]);
  if (isFlat) return null;
  const around = counts.map(nearOf);
  return isMirrored ? around.reverse() : around;
}

function nearOf(counts) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (let level = 0; level < 255; level++) {
    below += counts[level];
    if (below >= PART * total) return level / 255;
  }
  return total ? 1 : 0;
}

// What `lookAround` gave, in the page's language.
export function inWords(around, words) {
  if (!around) return words.say("live.heard.equal");
  const grades = around.map((near) => words.say(GRADES[(near >= FREE) + (near >= NEAR)]));
  const [left, ahead, right] = grades;
  return words.say("live.heard", { left, ahead, right });
}

// Says it in an element that screen readers follow, when it changes, and not too often.
export class Telling {
  constructor(place) {
    this.place = place;
    this.reset();
  }

  reset() {
    this.last_ms = -Infinity;
    this.place.textContent = "";
  }

  tell(text, now_ms = performance.now()) {
    if (text === this.place.textContent || now_ms - this.last_ms < SAID_MS) return;
    this.place.textContent = text;
    this.last_ms = now_ms;
  }
}

// Three voices, left, ahead and right; the sides are heard only if `hasSides`, and not when free.
export class Tone {
  // make: gives an audio context; called at the first `start`, which must come of a user's gesture
  constructor(make = () => new AudioContext()) {
    this.make = make;
    this.context = null;
    this.isOn = false;
    this.hasSides = false;
    this.level = 0.5;
  }

  start() {
    this.isOn = true;
    if (!this.context) this.build();
    this.context.resume();
  }

  // Silences it at once, and lets the speaker go.
  stop() {
    this.isOn = false;
    this.hush();
    this.context?.suspend();
  }

  set volume(level) {
    this.level = level;
    if (this.context) glide(this.master.gain, level ** 2, this.context.currentTime);
  }

  // around: of `lookAround`; the tone falls silent by itself if nothing follows.
  play(around) {
    if (!this.isOn) return;
    if (!around) return this.hush();
    const now = this.context.currentTime;
    this.voices.forEach((voice, at) => {
      const near = around[at];
      const isHeard = at === AHEAD || (this.hasSides && near >= FREE);
      glide(voice.tone.frequency, TONES_HZ[0] * (TONES_HZ[1] / TONES_HZ[0]) ** near, now);
      glide(voice.pulse.frequency, PULSES_HZ[0] + (PULSES_HZ[1] - PULSES_HZ[0]) * near, now);
      glide(voice.loud.gain, isHeard ? QUIETEST + (1 - QUIETEST) * near ** 2 : 0, now);
      voice.loud.gain.setTargetAtTime(0, now + HOLD_S, FADE_S);
    });
  }

  hush() {
    for (const { loud } of this.voices ?? []) glide(loud.gain, 0, this.context.currentTime);
  }

  build() {
    const context = (this.context = this.make());
    this.master = new GainNode(context, { gain: this.level ** 2 });
    this.master.connect(context.destination);
    this.voices = PANS.map((pan) => {
      const tone = new OscillatorNode(context, { frequency: TONES_HZ[0] });
      const pulse = new OscillatorNode(context, { frequency: PULSES_HZ[0] });
      const swell = new GainNode(context, { gain: 0.5 }); // and the pulse adds -0.5 to 0.5
      const depth = new GainNode(context, { gain: 0.5 });
      const loud = new GainNode(context, { gain: 0 });
      const place = new StereoPannerNode(context, { pan });
      pulse.connect(depth).connect(swell.gain);
      tone.connect(swell).connect(loud).connect(place).connect(this.master);
      tone.start();
      pulse.start();
      return { tone, pulse, loud };
    });
  }
}

function glide(parameter, value, now) {
  parameter.cancelScheduledValues(now);
  parameter.setTargetAtTime(value, now, GLIDE_S);
}
