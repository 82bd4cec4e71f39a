// The same call in four languages, with an example that the model takes.

/** An example of the model's inputs, of which every value is one that it knows. */
export function sample(inputs) {
  if (inputs.length === 1 && inputs[0].kind === "image") return "<base64 of a PNG or JPEG>";
  return Object.fromEntries(inputs.filter(({ optional }) => !optional).map(({ name, kind, classes, shape }) => {
    if (kind === "category") return [name, classes[0] ?? ""];
    if (kind === "image") return [name, "<base64 of a PNG or JPEG>"];
    if (kind === "text") return [name, "…"];
    return [name, shape.length === 0 ? 1 : []];
  }));
}

export function snippets({ model, inputs }) {
  const path = `/v1/models/${model}/predict`;
  const url = `${location.origin}${path}`;
  const body = JSON.stringify({ inputs: [sample(inputs)] });
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  return [
    { id: "curl", title: "curl", code: `curl -s ${url} \\\n  -H 'content-type: application/json' \\\n  -d ${quoted(body)}` },
    { id: "python", title: "Python", code: `import json, urllib.request\n\nbody = json.loads(${JSON.stringify(body)})\nrequest = urllib.request.Request(\n    ${JSON.stringify(url)}, json.dumps(body).encode(), {"content-type": "application/json"})\nprint(json.load(urllib.request.urlopen(request))["predictions"])` },
    { id: "javascript", title: "JavaScript", code: `const answer = await fetch(${JSON.stringify(url)}, {\n  method: "POST",\n  headers: { "content-type": "application/json" },\n  body: JSON.stringify(${body}),\n});\nconsole.log((await answer.json()).predictions);` },
    { id: "rust", title: "Rust", code: `let answer: serde_json::Value = reqwest::Client::new()\n    .post(${JSON.stringify(url)})\n    .json(&serde_json::json!(${body}))\n    .send()\n    .await?\n    .json()\n    .await?;\nprintln!("{}", answer["predictions"]);` },
  ];
}
