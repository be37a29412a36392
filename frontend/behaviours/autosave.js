// Saves a form while somebody writes in it, without ever touching what they write.
//
// <form data-autosave="/app/articles/7/draft">      where its fields are posted, as the form would send them
//   <p data-autosave-status data-saving="Saving…" data-saved="Saved" data-unsaved="Not saved yet"
//      data-failed="Not saved: trying again"></p>   what has become of the last change, if the form has such an element
//   data-writer="12"                                who writes: what this browser keeps is offered to nobody else
//   <p hidden data-autosave-kept><button type="button">Put back what this browser kept</button></p>
//                                                   shown when this browser holds a text that was never saved
//
// The server answers 200 with JSON. Each of its members that names a hidden field of the form becomes its value, such
// as {"version": 8}; nothing else of the form is changed. It answers 409 when somebody else has saved meanwhile, and
// 4xx with {"error": "…"} in words: saving by itself ends then, and what is written is sent when the form is.
// One request is under way at a time; it begins a second after the last keystroke, five after the first. A form that is
// sent waits for it. What could not be saved is kept in this browser, and offered the next time.
import { announce } from "./announce.js";
import { attach } from "./attach.js";

const PAUSE = 1000;
const LONGEST = 5000;
const RETRY = 5000;
// What browsers let a page send while it is being closed.
const FAREWELL = 60_000;

class Autosave {
  #form;
  #url;
  #status;
  #key;
  #saved = "";
  #timer = 0;
  #changedAt = 0;
  #request = null;
  #isOver = false;

  constructor(form) {
    this.#form = form;
    this.#url = form.dataset.autosave;
    this.#status = form.querySelector("[data-autosave-status]");
    // Several people may use one browser.
    this.#key = `kept ${form.dataset.writer ?? ""} ${this.#url}`;
  }

  start() {
    // After the browser has filled in what it remembers of the form.
    setTimeout(() => {
      this.#saved = this.#written();
      this.#offerKept();
    });
    for (const kind of ["input", "change"]) this.#form.addEventListener(kind, () => this.#changed());
    this.#form.addEventListener("submit", (event) => this.#beforeSubmit(event));
    document.addEventListener("visibilitychange", () => document.hidden && this.#farewell());
    addEventListener("pagehide", () => this.#farewell());
  }

  #changed() {
    if (this.#written() === this.#saved) return;
    this.#keep();
    this.#say("unsaved");
    if (this.#isOver) return;
    this.#changedAt ||= Date.now();
    this.#plan(Math.min(PAUSE, Math.max(0, this.#changedAt + LONGEST - Date.now())));
  }

  #plan(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#save(), delay);
  }

  async #save() {
    if (this.#request || this.#isOver) return;
    const written = this.#written();
    this.#changedAt = 0;
    this.#say("saving");
    this.#request = this.#send(written);
    const delay = await this.#request;
    this.#request = null;
    if (this.#isOver) return;
    // Whatever was written meanwhile comes next.
    if (this.#written() !== this.#saved) this.#plan(delay || PAUSE);
  }

  // How long to wait before the next attempt; 0 after one that succeeded.
  async #send(written) {
    try {
      const response = await fetch(this.#url, { method: "POST", body: this.#body(), headers: { Accept: "application/json" } });
      if (response.ok && !response.redirected) {
        this.#accept(await response.json(), written);
        return 0;
      }
      if (response.status >= 400 && response.status < 500 && response.status !== 429) {
        this.#giveUp(await wordsOf(response));
        return 0;
      }
    } catch {
      // The server or the network is away: again in a while.
    }
    this.#say("failed");
    return RETRY;
  }

  #accept(answer, written) {
    this.#saved = written;
    for (const [name, value] of Object.entries(answer)) {
      const field = this.#form.elements.namedItem(name);
      if (field instanceof HTMLInputElement && field.type === "hidden") field.value = String(value);
    }
    if (this.#written() !== written) return;
    this.#forget();
    this.#say("saved");
    this.#form.dispatchEvent(new Event("saved"));
  }

  #giveUp(words) {
    this.#isOver = true;
    this.#say("failed", words);
    if (words) announce(words);
  }

  // A saving under way would make the version of the form an old one.
  #beforeSubmit(event) {
    clearTimeout(this.#timer);
    if (!this.#request) {
      this.#isOver = true;
      // If the form comes back with a problem, or not at all, its text is still here.
      setTimeout(() => (this.#isOver = false), 10_000);
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    const { submitter } = event;
    this.#request.finally(() => setTimeout(() => this.#form.requestSubmit(submitter)));
  }

  #farewell() {
    if (this.#request || this.#isOver || this.#written() === this.#saved) return;
    const body = this.#body();
    if (body.toString().length < FAREWELL) fetch(this.#url, { method: "POST", body, keepalive: true }).catch(() => {});
  }

  #offerKept() {
    const kept = read(this.#key);
    const offer = this.#form.querySelector("[data-autosave-kept]");
    if (!kept || !offer || kept === this.#saved) return;
    offer.hidden = false;
    offer.querySelector("button")?.addEventListener("click", () => {
      offer.hidden = true;
      for (const [name, value] of JSON.parse(kept)) {
        const field = this.#form.elements.namedItem(name);
        if (field && "value" in field && field.type !== "hidden") {
          field.value = value;
          field.dispatchEvent(new Event("input", { bubbles: true }));
        }
      }
    });
  }

  #body() {
    return new URLSearchParams(this.#fields());
  }

  #fields() {
    return [...new FormData(this.#form)].filter(([, value]) => typeof value === "string");
  }

  // What somebody has written: hidden fields, such as the version, are the server's.
  #written() {
    const isHidden = (name) => this.#form.elements.namedItem(name)?.type === "hidden";
    return JSON.stringify(this.#fields().filter(([name]) => !isHidden(name)));
  }

  #say(state, words) {
    if (!this.#status) return;
    this.#status.dataset.state = state;
    this.#status.textContent = words || (this.#status.dataset[state] ?? "");
  }

  #keep() {
    try {
      localStorage.setItem(this.#key, this.#written());
    } catch {
      // A browser that keeps nothing, or is full: the server has it in a second.
    }
  }

  #forget() {
    try {
      localStorage.removeItem(this.#key);
    } catch {
      // As above.
    }
  }
}

async function wordsOf(response) {
  try {
    return (await response.json()).error ?? "";
  } catch {
    return "";
  }
}

function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

attach("form[data-autosave]", (form) => new Autosave(form).start());
