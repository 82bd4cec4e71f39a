// How a version fares as an endpoint: what was asked of it, how long that took and where the time went, as it happens.

import { h, replace } from "../../lib/dom.js";
import { bytes, number, relativeTime } from "../../lib/format.js";
import { facts } from "../../lib/widgets.js";
import { sparkline } from "../../lib/chart.js";
import { inUse, mean, onServing, rate, short } from "../../lib/serving.js";

export function load({ model: name, version }, signal) {
  const place = h("div", { class: "stack" });
  onServing(() => {
    const all = inUse();
    if (!all) return replace(place, h("p", { class: "muted" }, "Its figures come with the stream of events."));
    const found = all.find((one) => one.name === name && one.version === version);
    replace(place, found ? figures(found) : h("p", { class: "muted" }, "It is not loaded: nobody has asked it since the server started, or it has made room for others. The next request loads it, and its load stands here."));
  }, signal);
  return place;
}

function figures(model) {
  return [
    h("div", { class: "load-curves" },
      curve("Requests", rate(model.rate), model.rates, 1),
      curve("Latency", short(model.latency), model.latencies, 2)),
    facts([
      ["Requests answered", number(model.requests)],
      ["Without an answer", number(model.failures)],
      ["Latency, mean", short(mean(model, "request_seconds"))],
      ["Of it waiting for a batch", short(mean(model, "queue_seconds"))],
      ["Of it in the network", short(mean(model, "compute_seconds"))],
      ["Examples a batch", model.batches > 0 ? number(model.examples / model.batches, 3) : "–"],
      ["Memory", bytes(model.memory_bytes)],
      ["Asked last", model.last_request_at ? relativeTime(model.last_request_at) : "–"],
    ]),
  ];
}

function curve(words, now, values, tone) {
  return h("figure", { class: "load-curve card" },
    h("figcaption", {}, h("span", { class: "muted" }, `${words} now`), h("strong", {}, now)),
    values.length > 1 && sparkline(values, { tone, width: 260, height: 44, label: `${words}, now ${now}` }));
}
