// The live page: the camera's frames go to the service, its maps onto the canvas.

import { Awake, Camera, CameraError } from "./camera.js";
import { Link } from "./link.js";
import { Numbers } from "./numbers.js";
import { gradient, Photos, Picture } from "./picture.js";
import { inWords, lookAround, Telling, Tone } from "./tone.js";
import { Words } from "./words.js";

const SIDES_PX = [160, 192, 256, 320, 384, 512];
const KEPT = "nearfar-live";
const THEME = "nearfar-theme"; // shared with the other pages of nearfar
const QUALITY = 0.85;

const find = (id) => document.getElementById(id);
const main = document.querySelector("main");
const form = document.querySelector("form").elements;
const camera = new Camera(find("video"));
const picture = new Picture(find("canvas"));
const photos = new Photos();
const awake = new Awake();
const tone = new Tone(); // off until the reader turns it on, whatever was kept
const telling = new Telling(find("told"));
const small = document.createElement("canvas");

const kept = {
  view: "heat",
  strength: 60,
  colormap: "inferno",
  size: 256,
  model: "auto",
  volume: 50,
  sides: false,
  telling: false,
  ...JSON.parse(localStorage.getItem(KEPT) ?? "{}"),
};
const places = ["fps", "latency", "infer", "size"].map((name) => [name, find(name)]);
const numbers = new Numbers(Object.fromEntries(places));

let words, colormaps, link;
let status = ["live.status.idle", {}];
let turn = 0; // of starts and stops: what belongs to an earlier one is ignored
let isEncoding = false;

const isOn = () => !["idle", "error"].includes(main.dataset.state);

function show(state, key = `live.status.${state}`, values = {}) {
  main.dataset.state = state;
  status = [key, values];
  find("status").textContent = words.say(key, values);
  find("again").hidden = !["gone", "full", "restarting"].includes(state);
  find("toggle").dataset.text = isOn() ? "live.stop" : "live.start";
  find("toggle").textContent = words.say(find("toggle").dataset.text);
}

async function start() {
  const mine = ++turn;
  show("asking");
  try {
    await camera.open(form.camera.value, () => mine === turn && stop("live.error.ended"));
  } catch (error) {
    if (mine === turn) stop(error instanceof CameraError ? error.key : "live.error.camera", error);
    return;
  }
  if (mine !== turn) return;
  if (kept.mirror === undefined) form.mirror.checked = camera.facesReader;
  apply();
  awake.hold();
  link.open();
  camera.next(() => each(mine));
  await listCameras(); // only now do they have names
}

function stop(key, error) {
  turn += 1;
  link.close();
  camera.close();
  awake.release();
  numbers.reset();
  tone.hush();
  telling.reset();
  if (key) main.classList.remove("shown");
  if (key) show("error", key, { detail: error?.message });
  else show("idle");
}

// One frame of the camera: sent when fewer than two are under way, or else let go.
function each(mine) {
  if (mine !== turn) return;
  camera.next(() => each(mine));
  const { videoWidth, videoHeight } = camera.video;
  if (document.hidden || isEncoding || !link.hasRoom || !videoWidth) return;
  const stamp = { at: performance.now(), size: [videoWidth, videoHeight], photo: null };
  const scale = Math.min(1, kept.size / Math.max(videoWidth, videoHeight));
  small.width = Math.round(videoWidth * scale);
  small.height = Math.round(videoHeight * scale);
  small.getContext("2d").drawImage(camera.video, 0, 0, small.width, small.height);
  if (picture.wantsPhoto) stamp.photo = photos.take(camera.video, stamp.size);
  isEncoding = true;
  small.toBlob(
    (frame) => {
      isEncoding = false;
      if (frame && mine === turn) link.send(frame, stamp);
    },
    "image/jpeg",
    QUALITY,
  );
}

function receive(map, stamp) {
  picture.draw(map, stamp.size, stamp.photo);
  main.classList.add("shown");
  if (main.dataset.state !== "running" && !document.hidden) show("running");
  numbers.count(map, performance.now() - stamp.at);
  find("canvas").dataset.frames = numbers.frames;
  if (tone.isOn || kept.telling) hear(map);
}

function hear(map) {
  const around = lookAround(map, picture.isMirrored);
  tone.play(around);
  if (kept.telling) telling.tell(inWords(around, words));
}

function problem({ type, detail }) {
  if (type.endsWith(":queue-full")) show("busy");
  else if (type.endsWith(":not-ready")) show("restarting", undefined, { seconds: 1 });
  else show("busy", "live.error.frame", { detail });
}

function changed(state, seconds) {
  if (state === "refused") stop("live.error.token");
  else show(state, undefined, { seconds });
}

async function listCameras() {
  const cameras = await camera.list();
  const names = cameras.map(({ label }, at) =>
    label ? { label } : { text: "live.camera.number", number: at + 1 },
  );
  const rows = cameras.map(({ deviceId }, at) => ({ value: deviceId, ...names[at] }));
  fill(form.camera, rows.length ? rows : [{ value: "", text: "live.camera.any" }], camera.id);
}

function fill(select, rows, chosen) {
  const options = rows.map(({ value, label, ...data }) => {
    const option = new Option(label ?? words.say(data.text, data), value);
    Object.assign(option.dataset, data);
    return option;
  });
  select.replaceChildren(...options);
  if (options.some((option) => option.value === String(chosen))) select.value = chosen;
}

// Takes over what is chosen in the form.
function apply() {
  picture.view = main.dataset.view = kept.view;
  picture.strength = kept.strength / 100;
  picture.isMirrored = form.mirror.checked;
  picture.colors = colormaps[kept.colormap];
  find("strengthrow").hidden = kept.view !== "overlay";
  tone.volume = kept.volume / 100;
  tone.hasSides = kept.sides;
  if (!kept.telling) telling.reset();
  for (const each of document.querySelectorAll(".toned")) each.hidden = !tone.isOn;
  find("ramp").style.background = gradient(colormaps[kept.colormap]);
  picture.redraw();
}

function choose({ target }) {
  if (target.name === "camera") {
    if (!isOn()) return;
    stop();
    start();
    return;
  }
  if (target.name === "tone") {
    if (target.checked) tone.start();
    else tone.stop();
  } else {
    const isNumber = ["size", "strength", "volume"].includes(target.name);
    const value = isNumber ? Number(target.value) : target.value;
    kept[target.name] = target.type === "checkbox" ? target.checked : value;
    localStorage.setItem(KEPT, JSON.stringify(kept));
  }
  apply();
  if (["size", "model"].includes(target.name)) {
    link.set({ input_size_px: kept.size, model: kept.model });
  }
}

function speak() {
  words.fill();
  telling.reset();
  find("status").textContent = words.say(...status);
  find("privacy").textContent = words.say("live.privacy", { host: location.host });
}

function turnTheme() {
  const theme = localStorage.getItem(THEME);
  if (theme) document.documentElement.dataset.theme = theme;
}

async function ready() {
  turnTheme();
  document.body.classList.toggle("framed", window.self !== window.top);
  const [texts, choices] = await Promise.all([
    Words.load(),
    fetch("live/choices.json").then((response) => response.json()),
  ]);
  words = texts;
  colormaps = choices.colormaps;
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  const url = new URL("v1/stream", location.href.replace(/^http/, "ws"));
  url.search = url.hash = "";
  link = new Link(url, token, { map: receive, problem, state: changed });
  if (!(kept.colormap in colormaps)) kept.colormap = Object.keys(colormaps)[0];
  if (!choices.models.includes(kept.model)) kept.model = "auto";
  link.set({ input_size_px: kept.size, model: kept.model });

  const colors = Object.keys(colormaps);
  fill(form.colormap, colors.map((value) => ({ value, text: `live.colormap.${value}` })), kept.colormap);
  fill(form.size, SIDES_PX.map((side) => ({ value: side, text: "live.size.side", side })), kept.size);
  const models = choices.models.map((name) => {
    const text = `model.about.${name}`;
    return words.has(text) ? { value: name, text } : { value: name, label: name };
  });
  fill(form.model, [{ value: "auto", text: "model.auto.stream" }, ...models], kept.model);
  form.view.value = kept.view;
  form.strength.value = kept.strength;
  form.mirror.checked = kept.mirror ?? true;
  form.volume.value = kept.volume;
  form.sides.checked = kept.sides;
  form.telling.checked = kept.telling;
  document.querySelector(`#language [value="${words.language}"]`).checked = true;
  await listCameras();
  speak();
  apply();
  listen();
  show("idle");
}

function listen() {
  document.querySelector("form").addEventListener("input", choose);
  find("language").addEventListener("change", ({ target }) => {
    words.choose(target.value);
    speak();
  });
  find("toggle").addEventListener("click", () => (isOn() ? stop() : start()));
  find("again").addEventListener("click", () => link.hurry());
  window.addEventListener("online", () => link.hurry());
  window.addEventListener("storage", turnTheme);
  window.addEventListener("resize", () => picture.redraw());
  navigator.mediaDevices?.addEventListener("devicechange", listCameras);
  document.addEventListener("visibilitychange", () => {
    if (!camera.stream) return;
    if (document.hidden) {
      tone.hush();
      return show("paused");
    }
    awake.hold();
    link.hurry();
    if (link.isOpen) show("running");
  });
  setInterval(() => numbers.show(main.dataset.state === "running"), 500);
}

ready();
