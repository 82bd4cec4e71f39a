// Stands between the browser and the server, and puts events of a job into the stream, more than any job would make.

import { once } from "node:events";
import { createServer, request } from "node:http";

/** Events that are written at once. */
const AT_ONCE = 100;

export class Flood {
  #streams = new Set();
  #poured = 0;

  /** Passes everything on to a server and back. */
  static async before(server) {
    const flood = new Flood();
    flood.proxy = createServer((asked, answer) => {
      const passed = request(server + asked.url, { method: asked.method, headers: asked.headers }, (given) => {
        answer.writeHead(given.statusCode, given.headers);
        given.pipe(answer);
        if (asked.url.startsWith("/v1/events")) flood.#streams.add(answer);
      });
      passed.on("error", () => answer.destroy());
      asked.pipe(passed);
      answer.on("close", () => {
        flood.#streams.delete(answer);
        passed.destroy();
      });
    });
    await once(flood.proxy.listen(0, "127.0.0.1"), "listening");
    flood.address = `http://127.0.0.1:${flood.proxy.address().port}`;
    return flood;
  }

  /** Counts from nothing again. */
  begin() {
    this.#poured = 0;
  }

  /** Goes on until so many events have been written, at most so many a second, and as fast as they are read. */
  async pour(job, upTo, aSecond) {
    const [began, from] = [Date.now(), this.#poured];
    while (this.#poured < upTo) {
      const last = Math.min(this.#poured + AT_ONCE, upTo);
      let words = "";
      for (; this.#poured < last; this.#poured += 1) words += event(job, this.#poured);
      for (const stream of this.#streams) if (!stream.write(words)) await once(stream, "drain");
      const ahead = ((this.#poured - from) / aSecond) * 1000 - (Date.now() - began);
      if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead));
    }
  }

  async stop() {
    this.proxy.closeAllConnections();
    await new Promise((resolve) => this.proxy.close(resolve));
  }
}

/** One as the server writes it, but for its id: where the stream goes on is the server's to say. */
function event(job, at) {
  const step = 1e8 + at;
  if (at % 10 === 0) return told("log", { job, run: job, level: "info", message: `line ${step}` });
  if (at % 10 === 1) return told("progress", { job, epoch: 1, epochs: 2, step, steps: 1e12, fraction: step / 1e12, eta_seconds: 1, examples_per_second: 1e6 });
  const points = ["loss", "val_loss", "step_loss", "accuracy"].map((name) => ({ name, step, epoch: step / 8, value: Math.random() }));
  return told("metrics", { job, run: job, points });
}

const told = (kind, data) => `event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`;
