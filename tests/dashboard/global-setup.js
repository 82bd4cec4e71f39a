// One server for all files of tests, with jobs of every kind that there is to see.

import { Server, iris } from "./server.js";

/** What nobody should ever have run. */
export const HOSTILE = `<img src=x onerror="document.title='run'"><script>document.title='run'</script>`;

export default async function setUp() {
  const server = await Server.start({ args: ["--threads", "2"] });
  const done = [];
  for (const seed of [1, 2]) {
    for (const rate of [0.002, 0.02]) done.push(await server.train(iris({ name: "iris-rates", seed, rate, labels: { sweep: "rates" } })));
  }
  const diverged = await server.train(iris({ name: "diverges", rate: 1000, optimizer: "sgd", epochs: 100 }));
  const hostile = await server.train(iris({ name: "hostile", labels: { "<b>bold</b>": HOSTILE } }));
  await server.call("PATCH", `/v1/jobs/${hostile.id}`, { notes: HOSTILE });
  process.env.LYCEUM_ADDRESS = server.address;
  process.env.LYCEUM_JOBS = JSON.stringify({ done: done.map(({ id }) => id), diverged: diverged.id, hostile: hostile.id });
  return () => server.stop();
}
