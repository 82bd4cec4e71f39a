// The same call in four languages, with an example that the model takes; where the server wants a key, it is in the
// environment variable LYCEUM_KEY.

import { keyed } from "../../lib/api.js";

/** An example of the model's inputs, of which every value is one that it knows. */
export function sample(inputs) {
  if (inputs.length === 1 && inputs[0].kind === "image") return "<base64 of a PNG or JPEG>";
  return Object.fromEntries(inputs.filter(({ optional }) => !optional).map(({ name, kind, classes, shape }) => {
    if (kind === "category") return [name, classes[0] ?? ""];
    if (kind === "image") return [name, "<base64 of a PNG or JPEG>"];
    if (kind === "text") return [name, "…"];
    return [name, shape.length === 0 ? 1 : zeros(shape)];
  }));
}

/** Nested lists of such a shape. */
const zeros = ([extent, ...rest]) => Array.from({ length: extent }, () => (rest.length === 0 ? 0 : zeros(rest)));

/** `named` is what the version goes by: a number, an alias, or `latest`, which is what a model answers by itself. */
export function snippets({ model, inputs }, named) {
  const version = named === "latest" ? "" : `/versions/${encodeURIComponent(named)}`;
  const url = `${location.origin}/v1/models/${model}${version}/predict`;
  const body = JSON.stringify({ inputs: [sample(inputs)] });
  const key = (words) => (keyed() ? words : "");
  const [address, quoted] = [JSON.stringify(url), body.replaceAll("'", "'\\''")];
  return [
    { id: "curl", title: "curl", code: `curl -s ${url} \\
${key('  -H "authorization: Bearer $LYCEUM_KEY" \\\n')}  -H 'content-type: application/json' \\
  -d '${quoted}'` },
    { id: "python", title: "Python", code: `import json, ${key("os, ")}urllib.request

body = json.loads(${JSON.stringify(body)})
headers = {"content-type": "application/json"${key(', "authorization": "Bearer " + os.environ["LYCEUM_KEY"]')}}
request = urllib.request.Request(${address}, json.dumps(body).encode(), headers)
print(json.load(urllib.request.urlopen(request))["predictions"])` },
    { id: "javascript", title: "JavaScript", code: `const answer = await fetch(${address}, {
  method: "POST",
  headers: { "content-type": "application/json"${key(", authorization: `Bearer ${process.env.LYCEUM_KEY}`")} },
  body: JSON.stringify(${body}),
});
console.log((await answer.json()).predictions);` },
    { id: "rust", title: "Rust", code: `let answer: serde_json::Value = reqwest::Client::new()
    .post(${address})
${key('    .bearer_auth(std::env::var("LYCEUM_KEY")?)\n')}    .json(&serde_json::json!(${body}))
    .send()
    .await?
    .json()
    .await?;
println!("{}", answer["predictions"]);` },
  ];
}
