// The page's own script: language, theme, addresses of tabs, and every way in which a photo comes in.
window.nearfar = (() => {
  const settings = /* settings */ {};
  const LARGE_BYTES = 4 * 2 ** 20; // smaller files are sent as they are
  const LONGEST_PX = 4096;
  const TOAST_MS = 8000;
  const KEYS_MS = 250;

  // --- language and theme: the choice stays in this browser

  const stored = (name) => localStorage.getItem(`nearfar-${name}`);
  const ofBrowser = (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
  const language = () => stored("language") || ofBrowser;
  const text = (name) => settings.texts[language()][name];
  const tag = () => ({ en: "en", zh: "zh-CN" })[language()];
  // Gradio chooses the language of its own texts by these, once, while it loads
  Object.defineProperty(navigator, "language", { get: tag, configurable: true });
  Object.defineProperty(navigator, "languages", { get: () => [tag()], configurable: true });

  const isDark = () => {
    const theme = stored("theme");
    return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const paint = () => document.body && document.body.classList.toggle("dark", isDark());

  // --- messages

  const toast = (words) => {
    const box = document.createElement("div");
    box.className = "nf-toast";
    box.setAttribute("role", "alert");
    box.textContent = words;
    document.body.append(box);
    setTimeout(() => box.remove(), TOAST_MS);
  };

  // --- tabs: each has an address

  const tabButtons = () => document.querySelectorAll("#nf-tabs > .tab-wrapper button[role=tab]");
  const tabOf = (button) => button.dataset.tabId || "";
  const activeTab = () => {
    const chosen = [...tabButtons()].find((each) => each.getAttribute("aria-selected") === "true");
    return chosen ? tabOf(chosen) : "";
  };
  const showsPhoto = () => !["video", "live"].includes(activeTab());
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("#nf-tabs > .tab-wrapper button[role=tab]");
    if (button && tabOf(button)) history.replaceState(null, "", `#${tabOf(button)}`);
  });
  const openTab = () => {
    const wanted = location.hash.slice(1);
    const button = [...tabButtons()].find((each) => tabOf(each) === wanted);
    if (button && button.getAttribute("aria-selected") !== "true") button.click();
  };
  addEventListener("hashchange", openTab);

  // --- photos: all ways end at the file input of the upload button

  let isPassed = false; // whether the change of the input comes from `pass`
  let isAwaited = false; // whether a person has asked for the next result
  const input = () => document.querySelector("#nf-source input[type=file]");

  const pass = (file) => {
    const files = new DataTransfer();
    files.items.add(file);
    const target = input();
    target.files = files.files;
    isPassed = true;
    isAwaited = true;
    target.dispatchEvent(new Event("change", { bubbles: true }));
    isPassed = false;
  };

  const exifOf = (bytes) => {
    // the APP1 segment of a JPEG that holds EXIF, with its orientation set to upright
    const view = new DataView(bytes.buffer);
    for (let at = 2; at + 4 <= bytes.length && view.getUint8(at) === 0xff; ) {
      const size = view.getUint16(at + 2);
      const isExif = view.getUint8(at + 1) === 0xe1 && view.getUint32(at + 4) === 0x45786966;
      if (view.getUint8(at + 1) === 0xda) break;
      if (isExif && at + 2 + size <= bytes.length) {
        const segment = bytes.slice(at, at + 2 + size);
        const inside = new DataView(segment.buffer);
        const little = inside.getUint16(10) === 0x4949;
        const first = 10 + inside.getUint32(14, little);
        const count = inside.getUint16(first, little);
        for (let entry = 0; entry < count; entry++) {
          const place = first + 2 + 12 * entry;
          if (inside.getUint16(place, little) === 0x0112) inside.setUint16(place + 8, 1, little);
        }
        return segment;
      }
      at += 2 + size;
    }
    return null;
  };

  const shrunk = async (file) => {
    // a phone's photo has more pixels than are shown or fed: send fewer, keep the EXIF
    if (file.size < LARGE_BYTES || !/^image\/(jpeg|png|webp)$/.test(file.type)) return file;
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, LONGEST_PX / Math.max(bitmap.width, bitmap.height));
    if (scale === 1 && file.size <= settings.maxBytes) return file;
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(bitmap.width * scale);
    canvas.height = Math.round(bitmap.height * scale);
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    bitmap.close();
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.93));
    const parts = [blob];
    if (file.type === "image/jpeg") {
      let exif = null;
      try {
        exif = exifOf(new Uint8Array(await file.arrayBuffer()));
      } catch (error) {
        if (!(error instanceof RangeError)) throw error; // offsets that point outside: no EXIF
      }
      if (exif) parts.splice(0, 1, blob.slice(0, 2), exif, blob.slice(2));
    }
    return new File(parts, file.name.replace(/\.\w+$/, "") + ".jpg", { type: "image/jpeg" });
  };

  const give = async (file) => {
    let sent = file;
    try {
      sent = await shrunk(file);
    } catch {
      // not decoded by this browser: the service says what is wrong with it
    }
    if (sent.size > settings.maxBytes) {
      const mib = (bytes) => Math.ceil(bytes / 2 ** 20);
      const words = text("toolarge").replace("{size}", mib(sent.size));
      toast(words.replace("{limit}", mib(settings.maxBytes)));
      return;
    }
    pass(sent);
  };

  document.addEventListener(
    "change",
    (event) => {
      if (isPassed || event.target !== input() || !event.target.files.length) return;
      event.stopImmediatePropagation();
      give(event.target.files[0]);
    },
    true,
  );
  document.addEventListener("click", (event) => {
    if (event.target.closest?.(".nf-example")) isAwaited = true;
  });

  const isForPhoto = (event) => showsPhoto() && !event.target.closest?.(".nf-drop");
  const hasFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  let depth = 0; // of nested elements that the pointer has entered
  const mark = (isOver) => {
    document.body.classList.toggle("nf-dropping", isOver);
    document.body.dataset.drop = text("drop");
  };
  addEventListener("dragenter", (event) => {
    if (hasFiles(event) && isForPhoto(event)) {
      depth += 1;
      mark(true);
    }
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth) mark(false);
  });
  addEventListener("dragover", (event) => {
    if (hasFiles(event) && isForPhoto(event)) event.preventDefault();
  });
  addEventListener(
    "drop",
    (event) => {
      depth = 0;
      mark(false);
      if (!hasFiles(event) || !isForPhoto(event)) return;
      event.preventDefault();
      event.stopPropagation();
      const files = [...event.dataTransfer.files];
      const file = files.find((each) => each.type.startsWith("image/")) || files[0];
      if (file) give(file);
      else toast(text("nophoto"));
    },
    true,
  );
  addEventListener("paste", (event) => {
    if (!isForPhoto(event)) return;
    const files = [...(event.clipboardData?.files || [])];
    const file = files.find((each) => each.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    give(file);
  });

  // --- camera

  const openCamera = async () => {
    const box = document.createElement("dialog");
    box.className = "nf-camera";
    const video = document.createElement("video");
    video.autoplay = video.muted = video.playsInline = true;
    const button = (name) => {
      const made = document.createElement("button");
      made.textContent = text(name);
      return made;
    };
    const take = button("take");
    const close = button("close");
    const row = document.createElement("div");
    row.append(take, close);
    box.append(video, row);
    let stream = null;
    const end = () => {
      stream?.getTracks().forEach((track) => track.stop());
      box.remove();
    };
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1080 } },
      });
    } catch {
      toast(text("nocamera"));
      return;
    }
    video.srcObject = stream;
    take.disabled = true;
    video.onloadeddata = () => (take.disabled = false);
    take.className = "nf-primary";
    take.onclick = () => {
      const canvas = document.createElement("canvas");
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      canvas.getContext("2d").drawImage(video, 0, 0);
      canvas.toBlob((blob) => give(new File([blob], "camera.jpg", { type: blob.type })),
        "image/jpeg", 0.95);
      box.close();
    };
    close.onclick = () => box.close();
    box.onclose = end;
    document.body.append(box);
    box.showModal();
  };

  // --- sliders: Gradio reports a new value when the pointer is released; keys have no such event

  let keys = 0;
  document.addEventListener("keyup", (event) => {
    const isArrow = /^(Arrow|Home|End|Page)/.test(event.key);
    if (!isArrow || event.target.type !== "range") return;
    clearTimeout(keys);
    keys = setTimeout(
      () => event.target.dispatchEvent(new PointerEvent("pointerup", { bubbles: true })),
      KEYS_MS,
    );
  });

  paint();
  return {
    begin(rest) {
      paint();
      openTab();
      return [language(), sessionStorage.getItem("nearfar-photo") || "", location.hash.slice(1),
        ...rest];
    },
    chooseLanguage(chosen) {
      localStorage.setItem("nearfar-language", chosen);
      location.reload();
    },
    switchTheme() {
      localStorage.setItem("nearfar-theme", isDark() ? "light" : "dark");
      paint();
    },
    keepPhoto(key) {
      if (key) sessionStorage.setItem("nearfar-photo", key);
    },
    reveal() {
      // on a narrow screen the result lies below what was pressed
      if (!isAwaited || innerWidth > 700) return;
      isAwaited = false;
      const shown = [...document.querySelectorAll(".nf-result")].find((each) => each.offsetParent);
      shown?.scrollIntoView({ behavior: "smooth", block: "start" });
    },
    openCamera,
  };
})();
