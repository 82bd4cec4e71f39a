// One stream of events for the whole dashboard. It begins with what comes from now on, and goes on behind the last
// event that arrived however often the connection breaks, so that nothing is lost and nothing is told twice.

import { who } from "./api.js";

const KINDS = ["place", "status", "progress", "metrics", "checkpoint", "resumed", "log", "end", "serving"];
const PATIENCE = [500, 1000, 2000, 5000, 10000];
/** How long a page that nobody sees keeps its connection: a browser has six to a server, for all its pages. */
const UNSEEN = 10000;

class Live extends EventTarget {
  #source = null;
  #last = "latest";
  #handlers = new Set();
  #failures = 0;
  #timer = 0;
  #opened = null;
  #open = null;
  #late = false;
  #serving = null;
  #unseen = 0;
  lost = false;

  constructor() {
    super();
    document.addEventListener("visibilitychange", () => this.#seen());
  }

  /** Opens the stream, once. Resolved when events arrive from here on, or when it could not be opened: what a page asks
   * by itself then tells why. Where it is opened after that, an event `place` is told. */
  start() {
    if (!this.#opened) {
      this.#opened = new Promise((resolve) => (this.#open = resolve));
      this.#seen();
    }
    return this.#opened;
  }

  /** Ends it: whoever asks is not known any more. */
  stop() {
    clearTimeout(this.#unseen);
    this.#disconnect();
    this.#last = "latest";
    this.#opened = null;
    this.#late = false;
    this.#serving = null;
    this.#tell(false);
  }

  /** Hears events of a kind, or all (`"*"`), of a job, or of all (`null`): `handler({id, kind, job, data, time})`. */
  on(kind, job, handler, signal) {
    const heard = { kind, job, handler };
    this.#handlers.add(heard);
    // How things stand is told at once to who comes later.
    if (kind === "serving" && this.#serving) handler(this.#serving);
    signal?.addEventListener("abort", () => this.#handlers.delete(heard));
    return () => this.#handlers.delete(heard);
  }

  /** Waits for an answer: it, and how jobs have changed meanwhile, which it may not know of. */
  async meanwhile(answer) {
    const news = [];
    const leave = this.on("*", null, (event) => (event.kind === "status" || event.kind === "end") && news.push(event));
    try {
      return [await answer, news];
    } finally {
      leave();
    }
  }

  /** A page that is seen is connected. One that is not lets go after a while, and goes on later behind the last event. */
  #seen() {
    clearTimeout(this.#unseen);
    if (!this.#opened) return;
    if (document.hidden) this.#unseen = setTimeout(() => this.#disconnect(), UNSEEN);
    if (!document.hidden || this.#last === "latest") this.#reconnect();
  }

  #reconnect() {
    if (!this.#source && !this.#timer) this.#connect();
  }

  #disconnect() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#source?.close();
    this.#source = null;
  }

  #connect() {
    const source = new EventSource(`/v1/events?serving=true&after=${encodeURIComponent(this.#last)}`);
    this.#source = source;
    source.onopen = () => {
      this.#failures = 0;
      this.#tell(false);
    };
    source.onerror = () => {
      if (source !== this.#source) return;
      this.#tell(true);
      if (this.#last === "latest") {
        this.#late = true;
        this.#open();
      }
      // A stream that breaks off is resumed by the browser, behind the last event. One that was refused is opened anew.
      if (source.readyState !== EventSource.CLOSED) return;
      source.close();
      this.#source = null;
      // Where that was because the session has ended, this finds out, and leads to signing in.
      who().catch(() => {});
      const wait = PATIENCE[Math.min(this.#failures++, PATIENCE.length - 1)];
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        this.#timer = 0;
        this.#connect();
      }, wait);
    };
    for (const kind of KINDS) source.addEventListener(kind, (event) => this.#heard(source, kind, event));
  }

  #heard(source, kind, event) {
    // What tells how things stand now, and not what has happened, has no id.
    if (event.lastEventId) this.#last = event.lastEventId;
    if (kind === "place") {
      this.#open();
      if (!this.#late) return;
      this.#late = false;
    }
    const { job, time, ...data } = JSON.parse(event.data);
    // In milliseconds from here on. What tells how things stand has no time of its own.
    const told = { id: Number(event.lastEventId), kind, job, data, time: time ? Date.parse(time) : Date.now() };
    if (kind === "serving") this.#serving = told;
    for (const heard of [...this.#handlers]) {
      if ((heard.kind === "*" || heard.kind === kind) && (heard.job === null || heard.job === job)) heard.handler(told);
    }
  }

  #tell(lost) {
    if (this.lost === lost) return;
    this.lost = lost;
    this.dispatchEvent(new Event("change"));
  }
}

export const live = new Live();
