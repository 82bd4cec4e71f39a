// What can be done to jobs, and how one is told in a line.

import { del, get, post } from "./api.js";
import { confirm, toast } from "./widgets.js";

const FINISHED = ["succeeded", "failed", "cancelled"];
export const STATUSES = ["queued", "running", "paused", "retrying", "succeeded", "failed", "cancelled"];

export const finished = (job) => FINISHED.includes(job.status);

/** What makes sense for a job as it stands. */
export function allowed(job) {
  const done = finished(job);
  return {
    pause: !done && job.status !== "paused" && job.desired !== "paused",
    resume: job.status === "paused" || job.desired === "paused",
    cancel: !done,
    retry: done,
    delete: done,
  };
}

/** Does it to one job: the job afterwards, the new one of a retry, or nothing of one that is deleted. */
export function act(action, job) {
  if (action === "delete") return del(`/v1/jobs/${job.id}`);
  return post(`/v1/jobs/${job.id}/${action}`, undefined, { idempotent: action === "retry" });
}

/** Does it to many, and tells what came of it. Answers the results by id. */
export async function actAll(action, ids) {
  if (action === "delete" && !(await confirm("Delete jobs?", `${ids.length === 1 ? "The job" : `${ids.length} jobs`} with all runs and metrics will be gone. Models that came of them stay.`, "Delete"))) return null;
  const results = [];
  for (let start = 0; start < ids.length; start += 100) {
    results.push(...(await post("/v1/jobs/actions", { action, jobs: ids.slice(start, start + 100) }, { idempotent: action === "retry" })).data);
  }
  const refused = results.filter(({ status }) => status >= 400);
  const done = results.length - refused.length;
  if (done > 0) toast(`${DONE[action]}: ${done === 1 ? "1 job" : `${done} jobs`}.`, { tone: "good" });
  if (refused.length > 0) toast(`${refused.length} refused: ${refused[0].problem?.detail ?? refused[0].status}`, { tone: "bad" });
  return results;
}

const DONE = { cancel: "Cancelled", pause: "Paused", resume: "Resumed", retry: "Posted again", delete: "Deleted" };

/** The body that made a job: as it was posted, where that is known, else the canonical spec. */
export async function posted(job) {
  try {
    return await get(`/v1/jobs/${job.id}/posted`);
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** The one number that says how good a job is, on the part that counts most. */
export function headline(metrics) {
  const names = Object.keys(metrics ?? {});
  const pick = (test) => names.find((name) => Number.isFinite(metrics[name]) && test(name));
  const plain = (name) => !/loss$|^learning_rate|^gradient_norm/.test(name);
  const name = pick((name) => name.startsWith("val_") && plain(name)) ?? pick((name) => name.startsWith("test_") && plain(name)) ?? pick(plain)
    ?? pick((name) => name === "val_loss") ?? pick((name) => name === "loss") ?? pick((name) => name === "step_loss");
  return name ? { name, value: metrics[name] } : null;
}

/** A series of many jobs, by job: `{id: [[step, epoch, time, value], …]}`. */
export async function seriesOf(ids, name, mostPoints, { signal } = {}) {
  const found = {};
  for (let start = 0; start < ids.length; start += 100) {
    const part = ids.slice(start, start + 100);
    const answer = await get("/v1/metrics", { jobs: part.join(","), name, max_points: mostPoints }, { signal });
    for (const series of answer.data) found[series.job] = series.points;
  }
  return found;
}
