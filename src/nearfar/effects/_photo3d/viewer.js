/* The viewer of a 3D photo: textured triangles in WebGL, turned a little about a point before
   the camera. Everything it needs is in the page; it requests nothing. */
"use strict";

const TEXTS = {
  en: {
    title: "3D photo",
    full: "Full screen",
    hint: "Move the mouse, drag, tilt the device or press the arrow keys to look around.",
    no_webgl: "This browser shows the photo without depth: it has no WebGL.",
  },
  zh: {
    title: "三维照片",
    full: "全屏",
    hint: "移动鼠标、拖动、倾斜设备或按方向键，从不同角度观看。",
    no_webgl: "此浏览器不支持 WebGL，只能显示平面照片。",
  },
};

const VERTEX = `
attribute vec3 point;
uniform vec2 frame, fit, inverse;
uniform float focal, pivot;
uniform mat3 turn;
varying vec2 place;
void main() {
  place = point.xy / frame;
  float z = 1.0 / mix(inverse.x, inverse.y, point.z / 65535.0);
  vec2 ray = (point.xy - frame * 0.5) / focal;
  vec3 at = turn * vec3(ray * z, z - pivot) + vec3(0.0, 0.0, pivot);
  vec2 shown = at.xy * focal * 2.0 / frame * fit;
  float near = 0.05 * pivot, far = 1000.0 * pivot;
  float depth = ((far + near) * at.z - 2.0 * far * near) / (far - near);
  gl_Position = vec4(shown.x, -shown.y, depth, at.z);
}`;

const FRAGMENT = `
precision mediump float;
uniform sampler2D picture;
varying vec2 place;
void main() { gl_FragColor = vec4(texture2D(picture, place).rgb, 1.0); }`;

const SWING = { degrees: 5, seconds: 9 };
const EASE = 0.12; // of the way to the target, each 60th of a second

/* Undo the packing: deltas of a table of three columns, stored byte plane by byte plane. */
async function unpack(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const count = bytes.length / 4;
  const values = new Uint32Array(count);
  const rows = count / 3;
  for (let column = 0; column < 3; column++) {
    let value = 0;
    for (let row = 0; row < rows; row++) {
      const at = column * rows + row;
      const delta =
        bytes[at] | (bytes[at + count] << 8) | (bytes[at + 2 * count] << 16) | (bytes[at + 3 * count] << 24);
      value = (value + delta) >>> 0;
      values[row * 3 + column] = value;
    }
  }
  return values;
}

function program(gl) {
  const made = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
  return made;
}

function buffer(gl, target, values) {
  const made = gl.createBuffer();
  gl.bindBuffer(target, made);
  gl.bufferData(target, values, gl.STATIC_DRAW);
  return made;
}

function texture(gl, image) {
  const made = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, made);
  gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, image);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  gl.generateMipmap(gl.TEXTURE_2D);
  return made;
}

async function layer(gl, row) {
  const image = document.getElementById(row.picture);
  await image.decode();
  const [points, faces] = [await unpack(row.points), await unpack(row.faces)];
  return {
    points: buffer(gl, gl.ARRAY_BUFFER, Float32Array.from(points)),
    faces: buffer(gl, gl.ELEMENT_ARRAY_BUFFER, faces),
    count: faces.length,
    texture: texture(gl, image),
  };
}

/* Rotation that moves the eye to the right by yaw and upwards by pitch, in radians. */
function rotation(yaw, pitch) {
  const [sy, cy, sp, cp] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
  return [cy, sp * sy, -cp * sy, 0, cp, sp, sy, -sp * cy, cp * cy];
}

async function start() {
  const scene = JSON.parse(document.getElementById("scene").textContent);
  const language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
  const texts = TEXTS[language];
  document.documentElement.lang = language;
  document.title = scene.title || texts.title;
  const canvas = document.querySelector("canvas");
  const photo = document.getElementById("photo");
  const hint = document.getElementById("hint");
  const full = document.querySelector("button");
  photo.alt = photo.alt || document.title;
  canvas.setAttribute("aria-label", `${photo.alt}. ${texts.hint}`);
  hint.textContent = texts.hint;
  full.title = texts.full;
  full.setAttribute("aria-label", texts.full);
  full.hidden = !document.fullscreenEnabled;
  full.onclick = () =>
    document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();

  const gl = canvas.getContext("webgl2", { antialias: true });
  if (!gl) throw new Error(texts.no_webgl);
  const shader = program(gl);
  const at = (name) => gl.getUniformLocation(shader, name);
  const layers = await Promise.all(scene.layers.map((row) => layer(gl, row)));
  gl.useProgram(shader);
  gl.enable(gl.DEPTH_TEST);
  gl.uniform2f(at("frame"), ...scene.frame);
  gl.uniform2f(at("inverse"), ...scene.inverse);
  gl.uniform1f(at("focal"), scene.focal);
  gl.uniform1f(at("pivot"), scene.pivot);
  const point = gl.getAttribLocation(shader, "point");
  gl.enableVertexAttribArray(point);

  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const limit = (scene.turn_deg * Math.PI) / 180;
  const isFree = scene.turn_deg > 60;
  const view = { yaw: 0, pitch: 0 };
  const target = { yaw: 0, pitch: 0 };
  let touched = false;
  let began = null;
  let last = null;

  function look(yaw, pitch) {
    target.yaw = Math.max(-limit, Math.min(limit, yaw));
    const most = Math.min(limit, Math.PI / 2);
    target.pitch = Math.max(-most, Math.min(most, pitch));
    touched = true;
    hint.classList.add("gone");
    wake();
  }

  function draw() {
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth * scale, canvas.clientHeight * scale].map(Math.round);
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    gl.viewport(0, 0, width, height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const fit = Math.min(width / scene.frame[0], height / scene.frame[1]);
    gl.uniform2f(at("fit"), (fit * scene.frame[0]) / width, (fit * scene.frame[1]) / height);
    gl.uniformMatrix3fv(at("turn"), false, rotation(view.yaw, view.pitch));
    for (const each of layers) {
      gl.bindTexture(gl.TEXTURE_2D, each.texture);
      gl.bindBuffer(gl.ARRAY_BUFFER, each.points);
      gl.vertexAttribPointer(point, 3, gl.FLOAT, false, 0, 0);
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, each.faces);
      gl.drawElements(gl.TRIANGLES, each.count, gl.UNSIGNED_INT, 0);
    }
    canvas.dataset.yaw = ((view.yaw * 180) / Math.PI).toFixed(2);
  }

  /* Move towards the target, or swing; sleep when there is nothing to do. */
  function step(now) {
    began = began === null ? now : began;
    const passed = last === null ? 1 : Math.min(6, (now - last) / (1000 / 60));
    last = now;
    if (!touched && !still.matches) {
      const angle = (2 * Math.PI * (now - began)) / (1000 * SWING.seconds);
      const wide = Math.min(limit, (SWING.degrees * Math.PI) / 180);
      target.yaw = wide * Math.sin(angle);
      target.pitch = 0.3 * wide * (1 - Math.cos(angle)) * Math.sin(angle);
    }
    const share = still.matches ? 1 : 1 - Math.pow(1 - EASE, passed);
    view.yaw += share * (target.yaw - view.yaw);
    view.pitch += share * (target.pitch - view.pitch);
    draw();
    const away = Math.abs(target.yaw - view.yaw) + Math.abs(target.pitch - view.pitch);
    const moves = away > 1e-4 || (!touched && !still.matches);
    waiting = moves ? requestAnimationFrame(step) : null;
    if (!moves) last = null;
  }
  let waiting = null;
  function wake() {
    if (waiting === null) waiting = requestAnimationFrame(step);
  }

  // within another page a finger that moves up or down scrolls that page
  canvas.style.touchAction = window.parent === window ? "none" : "pan-y";
  const held = { at: null };
  canvas.addEventListener("pointerdown", (event) => {
    held.at = [event.clientX, event.clientY, target.yaw, target.pitch];
    canvas.setPointerCapture(event.pointerId);
    askForTilt();
  });
  canvas.addEventListener("pointerup", () => { held.at = null; });
  canvas.addEventListener("pointercancel", () => { held.at = null; });
  canvas.addEventListener("pointermove", (event) => {
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (held.at && (isFree || event.pointerType !== "mouse")) {
      const [x, y, yaw, pitch] = held.at;
      const pull = isFree ? Math.PI : 2.5 * limit;
      look(yaw - (pull * (event.clientX - x)) / width, pitch + (pull * (event.clientY - y)) / height);
    } else if (!isFree && event.pointerType === "mouse") {
      look(limit * ((2 * event.clientX) / width - 1), -limit * ((2 * event.clientY) / height - 1));
    }
  });
  document.documentElement.addEventListener("mouseleave", () => { if (!isFree) look(0, 0); });
  document.addEventListener("keydown", (event) => {
    const by = limit / (isFree ? 30 : 5);
    const moves = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, by], ArrowDown: [0, -by] };
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (moves[event.key]) look(target.yaw + moves[event.key][0], target.pitch + moves[event.key][1]);
    else if (event.key === "Home") look(0, 0);
    else if (event.key === "f") full.click();
    else return;
    event.preventDefault();
  });

  let level = null; // how the device was held at first
  function tilt(event) {
    if (event.beta === null || event.gamma === null || still.matches || held.at) return;
    const angle = (screen.orientation && screen.orientation.angle) || 0;
    const [side, front] = {
      90: [event.beta, -event.gamma], 180: [-event.gamma, -event.beta], 270: [-event.beta, event.gamma],
    }[angle] || [event.gamma, event.beta];
    if (!level || level.angle !== angle) level = { side, front, angle };
    // a device that is not still drifts: the middle slowly follows
    level.side += 0.01 * (side - level.side);
    level.front += 0.01 * (front - level.front);
    if (!touched && Math.abs(side - level.side) + Math.abs(front - level.front) < 2) return;
    look((-(side - level.side) * Math.PI) / 180, ((front - level.front) * Math.PI) / 180);
  }
  let asked = false;
  function askForTilt() {
    if (asked || typeof DeviceOrientationEvent === "undefined") return;
    asked = true;
    if (DeviceOrientationEvent.requestPermission) {
      DeviceOrientationEvent.requestPermission().catch(() => {});
    }
  }
  window.addEventListener("deviceorientation", tilt);
  window.addEventListener("resize", wake);
  still.addEventListener("change", wake);
  canvas.addEventListener("webglcontextlost", () => canvas.remove());
  wake();
  canvas.dataset.ready = "yes";
}

start().catch((error) => {
  document.querySelector("canvas").remove(); // the photo lies below it
  document.getElementById("hint").textContent = error.message;
});
