// The page's texts, in the language that the reader wants.

const KEPT = "nearfar-language"; // shared with the other pages of nearfar
const TAGS = { en: "en", zh: "zh-CN" };

export class Words {
  constructor(table) {
    this.table = table;
    const asked = new URLSearchParams(location.search).get("lang");
    const own = (navigator.languages ?? [navigator.language]).map((tag) => tag.slice(0, 2));
    const wishes = [asked, localStorage.getItem(KEPT), ...own.map((tag) => tag.toLowerCase())];
    this.language = wishes.find((wish) => wish in table) ?? "en";
  }

  static async load() {
    const response = await fetch("live/texts.json");
    if (!response.ok) throw new Error(`texts: ${response.status}`);
    return new Words(await response.json());
  }

  choose(language) {
    this.language = language;
    localStorage.setItem(KEPT, language);
    this.fill();
  }

  has(key) {
    return key in this.table[this.language];
  }

  say(key, values = {}) {
    return this.table[this.language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }

  fill() {
    document.documentElement.lang = TAGS[this.language];
    document.title = `${this.say("live.title")} · nearfar`;
    for (const each of document.querySelectorAll("[data-text]")) {
      each.textContent = this.say(each.dataset.text, each.dataset);
    }
    for (const each of document.querySelectorAll("[data-label]")) {
      each.setAttribute("aria-label", this.say(each.dataset.label));
    }
  }
}
