// One stream of events for the whole dashboard. It begins with what comes from now on, and goes on behind the last
// event that arrived however often the connection breaks, so that nothing is lost and nothing is told twice.

import { who } from "./api.js";

const KINDS = ["place", "status", "progress", "metrics", "checkpoint", "resumed", "log", "end", "serving"];
const PATIENCE = [500, 1000, 2000, 5000, 10000];

class Live extends EventTarget {
  #source = null;
  #last = "latest";
  #handlers = new Set();
  #failures = 0;
  #timer = 0;
  #opened = null;
  #open = null;
  #serving = null;
  lost = false;

  /** Opens the stream, once. Resolved when events arrive from here on. */
  start() {
    this.#opened ??= new Promise((resolve) => (this.#open = resolve));
    if (!this.#source && !this.#timer) this.#connect();
    return this.#opened;
  }

  /** Ends it: whoever asks is not known any more. */
  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#source?.close();
    this.#source = null;
    this.#last = "latest";
    this.#opened = null;
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
    if (kind === "place") return this.#open?.();
    const { job, ...data } = JSON.parse(event.data);
    this.hear(kind, { id: Number(event.lastEventId), job, data });
  }

  /** Tells an event to all that want to hear of it. */
  hear(kind, { id, job, data }) {
    const told = { id, kind, job, data, time: Date.now() };
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
