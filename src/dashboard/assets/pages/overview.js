// What goes on: what runs, what waits and why, what failed and why.

import { heading } from "../lib/widgets.js";

export const title = () => "Overview";

export async function render(root) {
  root.append(heading("Overview"));
}
