// Signing in with a key. The browser keeps a cookie that no script can read; the key itself is not kept.

import { h } from "../lib/dom.js";
import { Problem, signIn, who } from "../lib/api.js";
import { field } from "../lib/widgets.js";

export const title = () => "Sign in";

export async function render(root, { query, navigate }) {
  // Within the dashboard alone: an address that leads elsewhere is not followed.
  const next = query.get("next")?.match(/^\/(?![/\\]).*/)?.[0] ?? "/";
  if (await mayPass()) return navigate(next, { replace: true });
  const key = h("input", { type: "password", name: "key", autocomplete: "current-password", required: true, spellcheck: "false" });
  const shown = field("Key", key, { hint: "One that lyceum keys create made, or that the first start printed." });
  const enter = h("button", { class: "button primary", type: "submit" }, "Sign in");
  let busy = false;
  root.append(h("form", {
    class: "sign-in",
    onsubmit: async (event) => {
      event.preventDefault();
      if (busy) return;
      busy = true;
      enter.setAttribute("aria-disabled", "true");
      shown.fail(null);
      try {
        await signIn(key.value.trim());
        await navigate(next, { replace: true });
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        shown.fail(error.status === 401 ? "The key is unknown, expired or revoked." : [error.detail || error.title, error.requestId && `Request ${error.requestId}.`].filter(Boolean).join(" "));
        key.select();
      } finally {
        busy = false;
        enter.removeAttribute("aria-disabled");
      }
    },
  }, h("h1", {}, "Sign in"), h("p", { class: "muted" }, "This server knows its callers by a key."), shown, enter));
  key.focus();
}

/** Whether no key is needed, or a session stands. */
async function mayPass() {
  try {
    await who();
    return true;
  } catch (error) {
    if (error.status === 401) return false;
    throw error;
  }
}
