// The real server, as it was built, in a data folder of its own.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const FINISHED = ["succeeded", "failed", "cancelled"];

export class Server {
  /** Starts one on a free port, or on the one that is named. With a key it asks every caller for one. */
  static async start({ port = 0, folder, key, args = [] } = {}) {
    const server = new Server();
    server.own = folder === undefined;
    server.folder = folder ?? mkdtempSync(join(tmpdir(), "lyceum-dashboard-"));
    server.key = key;
    const given = ["serve", "--config", "/dev/null", "--listen", `127.0.0.1:${port}`, "--data-dir", server.folder, "--shipped-datasets", join(ROOT, "datasets"), "--log", "error", "--on-shutdown", "checkpoint", "--with-parent", String(process.pid), ...args];
    if (key) {
      const file = join(server.folder, "key");
      writeFileSync(file, key);
      given.push("--admin-key-file", file);
    }
    const program = process.env.LYCEUM;
    if (!program) throw new Error("LYCEUM names no server: run tests/dashboard/run.sh");
    server.child = spawn(program, given, { stdio: ["ignore", "pipe", "inherit"] });
    server.ended = new Promise((resolve) => server.child.once("exit", resolve));
    const said = createInterface({ input: server.child.stdout });
    server.address = await Promise.race([
      new Promise((resolve) => said.once("line", resolve)),
      server.ended.then((code) => Promise.reject(new Error(`the server ended with ${code}`))),
    ]);
    return server;
  }

  get port() {
    return Number(new URL(this.address).port);
  }

  /** Ends it in order; its data folder goes too, unless somebody else made it or it is to be used again. */
  async stop({ keep = false } = {}) {
    this.child.kill("SIGTERM");
    await this.ended;
    if (this.own && !keep) rmSync(this.folder, { recursive: true, force: true });
  }

  async call(method, path, body) {
    const [type, sent] = body === undefined ? [] : ["application/json", JSON.stringify(body)];
    return this.#ask(method, path, type, sent);
  }

  /** Adds a table as a data set. */
  upload(name, table, more = "") {
    return this.#ask("POST", `/v1/datasets?name=${name}&format=csv&${more}`, "text/csv", table);
  }

  async #ask(method, path, type, body) {
    const headers = { accept: "application/json" };
    if (type) headers["content-type"] = type;
    if (this.key) headers.authorization = `Bearer ${this.key}`;
    const answer = await fetch(this.address + path, { method, headers, body });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return text ? JSON.parse(text) : null;
  }

  get(path) {
    return this.call("GET", path);
  }

  post(path, body) {
    return this.call("POST", path, body);
  }

  /** Waits until a job is as `test` wants it, by its own stream of events. */
  async until(id, test = ({ status }) => FINISHED.includes(status)) {
    const headers = this.key ? { authorization: `Bearer ${this.key}` } : {};
    const job = await this.get(`/v1/jobs/${id}`);
    if (test(job)) return job;
    const stream = await fetch(`${this.address}/v1/jobs/${id}/events`, { headers: { ...headers, accept: "text/event-stream" } });
    for await (const _ of stream.body) {
      const now = await this.get(`/v1/jobs/${id}`);
      if (test(now)) return now;
    }
    const last = await this.get(`/v1/jobs/${id}`);
    if (!test(last)) throw new Error(`job ${id} ended as ${last.status}: ${JSON.stringify(last.error)}`);
    return last;
  }

  /** Posts a job and waits for its end. */
  async train(body) {
    const { id } = await this.post("/v1/jobs", body);
    return this.until(id);
  }
}

/** A small network on the data set `iris`, done in a blink. */
export function iris({ name = "iris", seed = 7, epochs = 30, rate = 0.02, optimizer = "adam", ...rest } = {}) {
  return {
    name,
    training: {
      method: "supervised",
      dataset: { name: "iris", target: "species", validation: { fraction: 0.2 } },
      model: { layers: [{ type: "dense", units: 16, activation: "relu" }, { type: "dense", activation: "softmax" }] },
      loss: "categorical_cross_entropy",
      optimizer: { type: optimizer, learning_rate: rate },
      metrics: ["accuracy", "confusion_matrix"],
      batch_size: 16,
      epochs,
    },
    seed,
    resources: { threads: 1, memory_mb: 256 },
    ...rest,
  };
}

/** The same for so long that it is still at it when it is looked at. */
export const long = (rest = {}) => iris({ name: "long", epochs: 50_000, ...rest });
