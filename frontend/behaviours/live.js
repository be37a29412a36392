// Live parts of a page, by server-sent events.
//
// <div data-live="/app/campaigns/7/live">
//   <div data-live-target="progress">…</div>     is replaced inside by the data of each event `progress`, which is HTML
// </div>
// The data may hold one element with `data-announce="7,000 of 12,408 sent"`, which screen readers hear, at most every
// five seconds. An event `end` ends the stream; an event `reload` loads the page again. Where no stream can be had, the
// same URL is asked every two seconds with `HX-Request: true`: it answers with HTML that holds elements with the same
// `data-live-target`, or 204 when there is nothing more to come. A page that nobody looks at asks for nothing.
// What is replaced is changed in place: focus, selection and scrolling stay.
import htmx from "htmx.org";
import { announce } from "./announce.js";
import { attach } from "./attach.js";

const POLL = 2000;
// So many failures without a single event, and it is not tried any more.
const PATIENCE = 2;

class Live {
  #root;
  #url;
  #source = null;
  #timer = 0;
  #failures = 0;
  #isPolling = false;
  #hasEnded = false;

  constructor(root) {
    this.#root = root;
    this.#url = root.dataset.live;
  }

  start() {
    document.addEventListener("visibilitychange", () => this.#follow());
    // A page that the browser keeps has no stream; back on it, it has one again.
    addEventListener("pagehide", () => this.#stop());
    addEventListener("pageshow", () => this.#follow());
    this.#follow();
  }

  #follow() {
    this.#stop();
    if (this.#hasEnded || document.hidden || !this.#root.isConnected) return;
    if (this.#isPolling) this.#poll();
    else this.#connect();
  }

  #stop() {
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#timer);
  }

  #connect() {
    const source = new EventSource(this.#url);
    this.#source = source;
    for (const name of this.#names()) {
      source.addEventListener(name, ({ data }) => {
        this.#failures = 0;
        this.#show(name, data);
      });
    }
    source.addEventListener("end", () => this.#end());
    source.addEventListener("reload", () => location.reload());
    source.addEventListener("error", () => {
      this.#failures += 1;
      // While it is connecting the browser tries again by itself.
      if (source.readyState !== EventSource.CLOSED && this.#failures < PATIENCE) return;
      this.#isPolling = true;
      this.#follow();
    });
  }

  async #poll() {
    try {
      const response = await fetch(this.#url, { headers: { "HX-Request": "true", Accept: "text/html" } });
      if (response.status === 204) return this.#end();
      if (response.redirected || response.status === 401) return location.reload();
      if (response.ok) this.#showAll(await response.text());
    } catch {
      // The server is away: the next time, perhaps.
    }
    clearTimeout(this.#timer);
    if (!document.hidden && !this.#hasEnded) this.#timer = setTimeout(() => this.#poll(), POLL);
    return undefined;
  }

  #showAll(html) {
    const parts = new DOMParser().parseFromString(html, "text/html").querySelectorAll("[data-live-target]");
    for (const part of parts) this.#show(part.dataset.liveTarget, part.innerHTML);
  }

  #show(name, html) {
    const targets = [...this.#root.querySelectorAll("[data-live-target]")];
    for (const target of targets.filter((one) => one.dataset.liveTarget === name)) {
      htmx.swap({ sourceElement: target, target, text: html, swap: "innerMorph" });
    }
    const spoken = new DOMParser().parseFromString(html, "text/html").querySelector("[data-announce]");
    if (spoken) announce(spoken.dataset.announce);
  }

  #end() {
    this.#hasEnded = true;
    this.#stop();
  }

  #names() {
    return new Set([...this.#root.querySelectorAll("[data-live-target]")].map((one) => one.dataset.liveTarget));
  }
}

attach("[data-live]", (root) => new Live(root).start());
