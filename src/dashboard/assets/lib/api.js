// Calls of the server. Whatever fails is thrown as a `Problem`, which says what happened and under which request.

/** What went wrong, as the server tells it (RFC 9457), or why it could not be asked. */
export class Problem extends Error {
  constructor(status, body, requestId) {
    super(body.detail || body.title || `the server answered ${status}`);
    this.name = "Problem";
    this.status = status;
    this.title = body.title ?? "";
    this.detail = body.detail ?? "";
    this.errors = body.errors ?? [];
    this.requestId = body.request_id ?? requestId ?? null;
  }
}

/** Who is asking; `null` until that is known. */
let session = null;

/** Tells who is asking, and learns the token that changes by cookie show. */
export async function who() {
  session = await get("/v1/session");
  return session;
}

/** Whether callers of this server show a key. */
export const keyed = () => Boolean(session?.key);

export async function signIn(key) {
  session = await ask("POST", "/v1/session", { body: { key } });
  return session;
}

export async function signOut() {
  await ask("DELETE", "/v1/session", {});
  session = null;
}

/** Builds an address from a path and a query; what is empty is left out. */
export function address(path, query) {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return search ? `${path}?${search}` : path;
}

export const get = (path, query, options) => ask("GET", address(path, query), options ?? {});
export const put = (path, body) => ask("PUT", path, { body });
export const patch = (path, body) => ask("PATCH", path, { body });
export const del = (path) => ask("DELETE", path, {});

/** Posts a body. `idempotent` has a repeated request make one thing only. */
export function post(path, body, { idempotent = false, signal } = {}) {
  const headers = idempotent ? { "idempotency-key": crypto.randomUUID() } : {};
  return ask("POST", path, { body, headers, signal });
}

/** A text as it is, such as a log. */
export const text = (path, query, options) => ask("GET", address(path, query), { ...options, as: "text" });

/** Bytes as they are, such as a file. */
export const blob = (path, options) => ask("GET", path, { ...options, as: "blob" });

/** Whether a change was refused because another tab has signed in anew, so that the token is another one now. */
async function renewed(status, shown) {
  if (status !== 403 || !shown) return false;
  await who().catch(() => {});
  return session?.csrf_token !== shown;
}

const ACCEPTED = { json: "application/json", text: "text/plain", blob: "*/*" };

async function ask(method, path, { body, headers = {}, signal, as = "json" }, again = true) {
  const sent = { accept: ACCEPTED[as], ...headers, ...token(method) };
  if (body !== undefined) sent["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { title: "The server does not answer", detail: "Is it running, and is the network there?" });
  }
  if (!answer.ok) {
    if (again && (await renewed(answer.status, sent["x-csrf-token"]))) return ask(method, path, { body, headers, signal, as }, false);
    throw await problem(answer.status, await answer.text(), answer.headers.get("x-request-id"));
  }
  if (answer.status === 204) return null;
  return answer[as]();
}

/** Sends a file as it is, and tells how much of it is gone: `onProgress(sent, total)`. */
export function upload(path, file, onProgress, { type = "application/octet-stream", signal, again = true } = {}) {
  const sent = token("POST");
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("content-type", type);
    request.setRequestHeader("accept", "application/json");
    for (const [name, value] of Object.entries(sent)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => onProgress?.(event.loaded, event.total));
    request.addEventListener("load", async () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText));
      else if (again && (await renewed(request.status, sent["x-csrf-token"]))) resolve(upload(path, file, onProgress, { type, signal, again: false }));
      else reject(await problem(request.status, request.responseText, request.getResponseHeader("x-request-id")));
    });
    const failed = () => reject(new Problem(0, { title: "The upload broke off", detail: "The server could not be reached." }));
    request.addEventListener("error", failed);
    request.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

function token(method) {
  const needed = method !== "GET" && method !== "HEAD" && session?.csrf_token;
  return needed ? { "x-csrf-token": session.csrf_token } : {};
}

async function problem(status, words, requestId) {
  let body = {};
  try {
    body = JSON.parse(words);
  } catch {
    body = { title: `The server answered ${status}`, detail: words.slice(0, 200) };
  }
  if (status === 401) document.dispatchEvent(new CustomEvent("lyceum:signed-out"));
  return new Problem(status, body, requestId);
}

/** All pages of a list, at most `most` entries. */
export async function all(path, query, { most = 1000, signal } = {}) {
  const data = [];
  let after;
  do {
    const page = await get(path, { limit: Math.min(most, 1000), ...query, after }, { signal });
    data.push(...page.data);
    after = page.next;
  } while (after && data.length < most);
  return data.slice(0, most);
}
