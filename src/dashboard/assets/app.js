// The frame: which page an address means, the bar around all pages, and what happens when one fails.

import { h, replace } from "./lib/dom.js";
import { signOut, who } from "./lib/api.js";
import { live } from "./lib/live.js";
import { announce, failed, trouble } from "./lib/widgets.js";

/** Address, page, and the entry of the bar that it belongs to. The first that fits is shown. */
const ROUTES = [
  ["/", () => import("./pages/overview.js"), "/"],
  ["/jobs", () => import("./pages/jobs.js"), "/jobs"],
  ["/jobs/new", () => import("./pages/new-job.js"), "/jobs"],
  ["/jobs/:id", () => import("./pages/job.js"), "/jobs"],
  ["/datasets", () => import("./pages/datasets.js"), "/datasets"],
  ["/datasets/new", () => import("./pages/new-dataset.js"), "/datasets"],
  ["/datasets/:name/:version", () => import("./pages/dataset.js"), "/datasets"],
  ["/models", () => import("./pages/models.js"), "/models"],
  ["/models/:name", () => import("./pages/model.js"), "/models"],
  ["/models/:name/:version", () => import("./pages/version.js"), "/models"],
  ["/compare", () => import("./pages/compare.js"), "/compare"],
  ["/sign-in", () => import("./pages/sign-in.js"), null],
];

/** The entries of the bar. */
const ENTRIES = [
  ["/", "Overview"],
  ["/jobs", "Jobs"],
  ["/datasets", "Data"],
  ["/models", "Models"],
  ["/compare", "Compare"],
];

const main = document.getElementById("main");
let leaving = new AbortController();
/** What is known of who asks: it is asked once, and again after signing in. */
let known = null;
/** The address that is shown. */
let shown = null;

function match(path) {
  const given = path.split("/");
  for (const [pattern, load, entry] of ROUTES) {
    const parts = pattern.split("/");
    if (parts.length !== given.length) continue;
    const params = {};
    const fits = parts.every((part, index) => {
      if (!part.startsWith(":")) return part === given[index];
      params[part.slice(1)] = decoded(given[index]);
      return params[part.slice(1)] !== "";
    });
    if (fits) return { load, params, entry };
  }
  return null;
}

/** A part of an address in the letters that it stands for, and nothing where it stands for none. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

/** Goes to an address of the dashboard. */
export function navigate(to, { replace: instead = false } = {}) {
  const target = new URL(to, location.href);
  if (instead) history.replaceState(null, "", target);
  else {
    keepPlace();
    history.pushState(null, "", target);
  }
  return show();
}

/** Remembers how far the page is scrolled, for who comes back to it. */
function keepPlace() {
  history.replaceState({ scroll: scrollY }, "");
}

async function show({ scroll = 0 } = {}) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  shown = new URL(location.href);
  // What a page has asked goes with it.
  for (const node of document.querySelectorAll("dialog[open]")) node.close();
  const path = location.pathname.replace(/(.)\/+$/, "$1");
  const found = match(path);
  mark(found?.entry);
  const root = h("div", { class: "page" });
  main.setAttribute("aria-busy", "true");
  try {
    if (!found) throw Object.assign(new Error(`No page has the address ${path}.`), { title: "There is nothing here" });
    const [page] = await Promise.all([found.load(), path === "/sign-in" ? null : admitted()]);
    if (signal.aborted) return;
    document.title = [await page.title(found.params), "Lyceum"].filter(Boolean).join(" · ");
    const query = new URLSearchParams(location.search);
    replace(main, root);
    await page.render(root, { params: found.params, query, navigate, signal });
  } catch (error) {
    if (signal.aborted || error.name === "AbortError") return;
    if (error.status === 401) return toSignIn();
    replace(main, trouble(error, () => show()));
  } finally {
    if (!signal.aborted) main.removeAttribute("aria-busy");
  }
  if (signal.aborted) return;
  scrollTo(0, 0);
  // What is drawn in the next frame is as tall as it was only then.
  if (scroll > 0) requestAnimationFrame(() => signal.aborted || scrollTo(0, scroll));
  announce(document.title);
}

/** Learns who asks, and opens the stream of events, once. */
async function admitted() {
  known ??= who().then((session) => {
    live.start();
    drawBar(session);
  });
  try {
    await known;
  } catch (error) {
    known = null;
    throw error;
  }
}

function toSignIn() {
  known = null;
  live.stop();
  if (location.pathname === "/sign-in") return;
  const next = location.pathname + location.search;
  navigate(next === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(next)}`, { replace: true });
}

function mark(entry) {
  for (const link of document.querySelectorAll(".bar nav a[href]")) {
    if (link.getAttribute("href") === entry) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function drawBar(session) {
  const state = h("span", { class: "live-state", role: "status", hidden: true }, "Connecting again…");
  live.addEventListener("change", () => (state.hidden = !live.lost));
  const leave = session?.key && h("button", { type: "button", class: "bar-button", title: `Signed in with the key ${session.key}`, onclick: async () => {
    try {
      await signOut();
      toSignIn();
    } catch (error) {
      failed(error);
    }
  } }, "Sign out");
  replace(document.getElementById("bar"),
    h("a", { class: "brand", href: "/", "aria-label": "Lyceum, overview" }, h("img", { src: "/assets/icon.svg", alt: "", width: 22, height: 22 }), h("span", {}, "Lyceum")),
    h("nav", { "aria-label": "Pages" }, ENTRIES.map(([href, words]) => h("a", { href }, words))),
    h("div", { class: "bar-end" }, state, h("a", { class: "bar-button docs-link", href: "/docs/" }, "API"), themeButton(), leave));
  mark(match(location.pathname)?.entry);
}

const THEMES = { system: "light", light: "dark", dark: "system" };
const MARKS = { system: "◐", light: "○", dark: "●" };

function themeButton() {
  const node = h("button", { type: "button", class: "bar-button theme-button" });
  const now = () => document.documentElement.dataset.theme ?? "system";
  const draw = () => {
    node.textContent = MARKS[now()];
    node.setAttribute("aria-label", `Theme: ${now()}. Change to ${THEMES[now()]}`);
    node.title = `Theme: ${now()}`;
  };
  node.addEventListener("click", () => {
    const next = THEMES[now()];
    if (next === "system") {
      delete document.documentElement.dataset.theme;
      localStorage.removeItem("theme");
    } else {
      document.documentElement.dataset.theme = next;
      localStorage.setItem("theme", next);
    }
    draw();
    document.dispatchEvent(new CustomEvent("lyceum:theme"));
  });
  draw();
  return node;
}

/** A link within the dashboard is followed without loading it anew; one with a key held down is the browser's. */
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const target = new URL(link.href, location.href);
  if (target.origin !== location.origin || link.target || link.hasAttribute("download")) return;
  if (!match(target.pathname)) return;
  event.preventDefault();
  // A place on this page is gone to without an entry of its own in the history: coming back would load the page anew.
  if (sameButForHash(target, location) && target.hash) return document.getElementById(target.hash.slice(1))?.focus();
  navigate(target).then(() => main.focus({ preventScroll: true }));
});

/** Whether two addresses differ in nothing but their fragments. */
const sameButForHash = (a, b) => a.pathname === b.pathname && a.search === b.search;

document.addEventListener("lyceum:signed-out", toSignIn);
addEventListener("popstate", ({ state }) => {
  if (sameButForHash(shown, location) && shown.hash !== location.hash) shown = new URL(location.href);
  else show({ scroll: state?.scroll });
});
addEventListener("pagehide", keepPlace);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new CustomEvent("lyceum:theme")));
history.scrollRestoration = "manual";
drawBar(null);
show({ scroll: history.state?.scroll });
