// What may be written at a place of a JSON text, as its JSON Schema says, while the text is seldom whole.

const TOKEN = /"(?:[^"\\\n]|\\.)*"?|[{}[\],:]|[^\s{}[\],:"]+/g;

/** A name in quotes, of which the last is seldom there while it is written. */
const NAME = /^"[\w.+-]*"?/;

/** Words of documentation that are shown at most. */
const LONGEST = 240;

/**
 * What may stand at `at`: `{from, to, typed, entries: [{label, insert, caret, detail, words}]}`, where `from` to `to` is
 * what an entry takes the place of, and `caret` is where in it one writes on. `null` where nothing is to be written.
 * `known(path, said)` adds the texts, `[{label, detail}]`, that are known for the value at a path, such as
 * `training/dataset/name`; `said(name)` is what stands under another name beside it.
 */
export function complete(text, at, root, known = () => []) {
  const place = placeOf(text, at);
  if (!place) return null;
  const { frame, token } = place;
  const schemas = schemasAt(frame, root, place.key ? null : place.member);
  const typed = text.slice(token?.from ?? at, at).replace(/^"/, "").toLowerCase();
  const entries = place.key ? keys(schemas, frame, token, root, text) : values(place, schemas, root, known);
  return { from: token?.from ?? at, to: token?.to ?? at, typed, entries: ranked(entries, typed) };
}

/** The container around a place, whether a name or a value belongs there, and the piece of text that stands there. */
function placeOf(text, at) {
  let place = null;
  let frame = { named: false, member: null, parent: null, members: new Map(), wants: "value" };
  const note = (token) => {
    if (!place && (frame.wants === "key" || frame.wants === "value")) place = { frame, member: frame.member, key: frame.wants === "key", token };
    place ??= { frame: null };
  };
  for (const { piece, ...token } of tokens(text, at)) {
    const closed = piece.length > 1 && piece.startsWith('"') && piece.endsWith('"');
    const within = /^["\w.+-]/.test(piece) && token.from < at && (closed ? at < token.to : at <= token.to);
    if (!place && within) note(token);
    else if (!place && token.from >= at) note(null);
    frame = taken(frame, piece, token);
  }
  if (!place) note(null);
  return place.frame ? place : null;
}

/** The pieces of a text. The name that is being written at `at` ends with its letters, whatever quotes follow. */
function* tokens(text, at) {
  const pieces = new RegExp(TOKEN);
  for (let match = pieces.exec(text); match; match = pieces.exec(text)) {
    const from = match.index;
    let [piece] = match;
    const [name] = NAME.exec(piece) ?? [""];
    if (name && from < at && at <= from + name.length) piece = name;
    pieces.lastIndex = from + piece.length;
    yield { piece, from, to: pieces.lastIndex };
  }
}

/** The container after a piece of text. */
function taken(frame, piece, token) {
  if (piece === "{" || piece === "[") {
    const inner = { named: piece === "{", member: null, parent: frame, under: frame.member, members: new Map(), wants: piece === "{" ? "key" : "value" };
    frame.wants = "comma";
    return inner;
  }
  if (piece === "}" || piece === "]") return frame.parent ?? frame;
  if (piece === ",") frame.wants = frame.named ? "key" : "value";
  else if (piece === ":") frame.wants = "value";
  else if (frame.wants === "key") {
    frame.member = read(piece);
    frame.members.set(frame.member, { ...token, value: undefined });
    frame.wants = "colon";
  } else {
    if (frame.named && frame.members.has(frame.member)) frame.members.get(frame.member).value = read(piece);
    frame.wants = "comma";
  }
  return frame;
}

function read(piece) {
  try {
    return JSON.parse(piece);
  } catch {
    return piece.replace(/^"|"$/g, "");
  }
}

/** What the schema says of a container, those forms of it alone that its members allow but for the one that is written. */
function schemasAt(frame, root, written = null) {
  if (!frame.parent) return alternatives(root, root);
  const around = schemasAt(frame.parent, root);
  return around.flatMap((schema) => within(schema, frame.parent, frame.under, root)).filter((schema) => schema.type === (frame.named ? "object" : "array") && allows(schema, frame.members, written));
}

function within(schema, frame, member, root) {
  if (!frame.parent) return [schema];
  if (!frame.named) return schema.items ? alternatives(schema.items, root) : [];
  const own = schema.properties?.[member] ?? (typeof schema.additionalProperties === "object" ? schema.additionalProperties : null);
  return own ? alternatives(own, root) : [];
}

/** Whether what is said already may be said in this form: `{"type": "adam"}` is no other optimiser. */
function allows({ properties = {} }, members, written) {
  const said = (name) => (name === written ? undefined : members.get(name)?.value);
  return Object.entries(properties).every(([name, { const: only }]) => only === undefined || !said(name) || said(name) === only);
}

/** The forms that a schema has, references followed; the nearest documentation goes along. */
function alternatives(schema, root, words) {
  const description = schema.description ?? words;
  if (schema.$ref) {
    const found = schema.$ref.slice(2).split("/").reduce((part, name) => part?.[name], root);
    return found ? alternatives(found, root, description) : [];
  }
  const forms = schema.anyOf ?? schema.oneOf;
  if (forms) return forms.flatMap((form) => alternatives(form, root, description));
  return [{ ...schema, description }];
}

function keys(schemas, frame, token, root, text) {
  const found = new Map();
  for (const { properties = {}, required = [] } of schemas) {
    for (const [name, schema] of Object.entries(properties)) {
      const other = frame.members.get(name);
      if (found.has(name) || (other && other.from !== token?.from)) continue;
      const written = /^\s*:/.test(text.slice(token?.to ?? 0)) && token;
      const insert = written ? JSON.stringify(name) : `${JSON.stringify(name)}: `;
      found.set(name, { label: name, insert, caret: insert.length, detail: detail(schema, required.includes(name), root), words: documentation(schema.description) });
    }
  }
  return [...found.values()];
}

function detail(schema, required, root) {
  if (required) return "required";
  if (schema.default !== undefined && schema.default !== null) return short(JSON.stringify(schema.default));
  const kinds = new Set(alternatives(schema, root).map(({ type }) => type).filter((type) => type && type !== "null"));
  return [...kinds].join(" or ");
}

const short = (words) => (words.length > 24 ? `${words.slice(0, 23)}…` : words);

function values({ frame, member }, around, root, known) {
  const schemas = around.flatMap((schema) => within(schema, frame, member, root));
  const found = new Map();
  const add = (label, entry) => found.has(label) || found.set(label, { label, caret: entry.insert.length, detail: "", words: "", ...entry });
  const described = (name) => documentation([...schemas, ...around].find(({ properties }) => properties?.[member ?? "type"]?.const === name || properties?.type?.const === name)?.description);
  for (const { const: only, enum: several, type, description, properties, required = [] } of schemas) {
    for (const value of several ?? (only === undefined ? [] : [only])) add(String(value), { insert: JSON.stringify(value), words: described(value) || documentation(several && !properties ? description : "") });
    if (type === "boolean") for (const value of ["false", "true"]) add(value, { insert: value, words: documentation(description) });
    const kind = properties?.type?.const;
    if (kind !== undefined) add(kind, { ...component(kind, required), words: documentation(description) });
  }
  const beside = frame.named ? frame : frame.parent;
  const said = (name) => beside.members.get(name)?.value;
  for (const { label, detail: kind } of known([...pathOf(frame), member ?? "*"].join("/"), said)) add(label, { insert: JSON.stringify(label), detail: kind });
  return [...found.values()];
}

/** The names under which a container stands, of which one in a list is `*`. */
function pathOf(frame) {
  if (!frame.parent?.parent) return [];
  return [...pathOf(frame.parent), frame.under ?? "*"];
}

/** A component with the fields that it needs; one writes on behind the first of them. */
function component(kind, required) {
  const needed = required.filter((name) => name !== "type");
  if (needed.length === 0) return { insert: `{"type": ${JSON.stringify(kind)}}`, detail: "object" };
  const begun = `{"type": ${JSON.stringify(kind)}, ${JSON.stringify(needed[0])}: `;
  const rest = needed.slice(1).map((name) => `, ${JSON.stringify(name)}: `).join("");
  return { insert: `${begun}${rest}}`, caret: begun.length, detail: needed.join(", ") };
}

/** Those that begin with what is typed, then those that hold it. */
function ranked(entries, typed) {
  const place = ({ label }) => label.toLowerCase().indexOf(typed);
  const fitting = entries.filter((entry) => place(entry) >= 0);
  return typed ? [...fitting.filter((entry) => place(entry) === 0), ...fitting.filter((entry) => place(entry) > 0)] : fitting;
}

/** The first paragraph, without its marks. */
function documentation(words = "") {
  const first = words.split("\n\n")[0].replace(/\s+/g, " ").replaceAll("`", "").replace(/\*([^*]+)\*/g, "$1").trim();
  return first.length > LONGEST ? `${first.slice(0, LONGEST - 1)}…` : first;
}
