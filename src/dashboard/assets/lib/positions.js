// Where each value of a JSON text stands, as far as the text can be read: while it is typed it is seldom whole.

/** The line, from 0, on which each value begins, by JSON pointer; and where the text cannot be read on: `{line, words}`. */
export function positions(text) {
  const found = new Map();
  let at = 0;
  let wrong = null;
  const line = (index) => text.slice(0, index).split("\n").length - 1;
  const stop = (words) => {
    wrong ??= { line: line(at), words };
    throw wrong;
  };
  // JSON takes these four alone, and no number that begins with a 0 it does not need.
  const space = () => {
    while (/[ \t\n\r]/.test(text[at] ?? "")) at += 1;
  };
  const string = () => {
    const whole = /^"(?:[^"\\\n]|\\.)*"/.exec(text.slice(at));
    if (!whole) stop("a text that does not end");
    at += whole[0].length;
    try {
      return JSON.parse(whole[0]);
    } catch {
      return stop("a text with an escape that is none");
    }
  };
  const value = (pointer) => {
    space();
    found.set(pointer, line(at));
    const sign = text[at];
    if (sign === "{" || sign === "[") return list(pointer, sign === "{");
    if (sign === '"') return void string();
    const plain = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/.exec(text.slice(at));
    if (!plain) stop(sign === undefined ? "the end, where a value should be" : `"${sign}", where a value should be`);
    at += plain[0].length;
  };
  const list = (pointer, named) => {
    const end = named ? "}" : "]";
    at += 1;
    for (let index = 0; ; index += 1) {
      space();
      if (text[at] === end && index === 0) break;
      let key = String(index);
      if (named) {
        if (text[at] !== '"') stop(`a name in quotes is missing here`);
        const begun = at;
        key = string().replaceAll("~", "~0").replaceAll("/", "~1");
        space();
        if (text[at] !== ":") stop('":" is missing behind the name');
        at += 1;
        found.set(`${pointer}/${key}`, line(begun));
      }
      value(`${pointer}/${key}`);
      space();
      if (text[at] === ",") at += 1;
      else if (text[at] === end) break;
      else stop(text[at] === undefined ? `"${end}" is missing at the end` : `"," or "${end}" is missing before "${text[at]}"`);
    }
    at += 1;
  };
  try {
    value("");
    space();
    if (at < text.length) stop("more behind the end of the body");
  } catch (error) {
    if (error !== wrong) throw error;
  }
  return { lines: found, wrong };
}

/** The line of what a pointer names, or of the nearest thing around it that there is. */
export function lineOf(lines, pointer) {
  for (let inner = pointer; ; inner = inner.slice(0, inner.lastIndexOf("/"))) {
    if (lines.has(inner)) return lines.get(inner);
    if (inner === "") return 0;
  }
}
