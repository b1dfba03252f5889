// A second implementation of docs/reference/target-id.md, without dependencies.
// Reads the typed vectors from the file named first, and prints a JSON list of {name, canonical, digest} or {name, refused}.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

class Refused extends Error {}

/** A spelled value: its canonical text. Everything below builds these and never uses JSON.stringify. */
const map = (entries) => {
  const sorted = [...entries].sort(([a], [b]) => byCodePoint(a, b));
  return `{${sorted.map(([key, spelled]) => `${text(key)}:${spelled}`).join(",")}}`;
};
const list = (items) => `[${items.join(",")}]`;

function byCodePoint(a, b) {
  const left = Array.from(a, (c) => c.codePointAt(0));
  const right = Array.from(b, (c) => c.codePointAt(0));
  for (let i = 0; i < Math.min(left.length, right.length); i += 1) {
    if (left[i] !== right[i]) return left[i] - right[i];
  }
  return left.length - right.length;
}

const SHORT = { "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\" };

function text(value) {
  let spelled = "";
  for (const c of value) {
    const point = c.codePointAt(0);
    if (point >= 0xd800 && point <= 0xdfff) throw new Refused("a lone surrogate");
    if (SHORT[c]) spelled += SHORT[c];
    else if (point < 0x20) spelled += `\\u${point.toString(16).padStart(4, "0")}`;
    else spelled += c;
  }
  return `"${spelled}"`;
}

function integer(decimal) {
  return BigInt(decimal).toString();
}

function float(decimal) {
  const value = Number(decimal === "nan" ? NaN : decimal === "inf" ? Infinity : decimal);
  if (!Number.isFinite(value)) throw new Refused("not a finite number");
  if (value === 0) return "0.0";
  const [mantissa, power] = Math.abs(value).toExponential().split("e");
  const digits = mantissa.replace(".", "");
  const sign = value < 0 ? "-" : "";
  return sign + place(digits, Number(power));
}

function place(digits, e) {
  if (e < -4 || e >= 16) {
    const size = String(Math.abs(e)).padStart(2, "0");
    return `${digits[0]}.${digits.slice(1) || "0"}e${e < 0 ? "-" : "+"}${size}`;
  }
  if (e < 0) return `0.${"0".repeat(-e - 1)}${digits}`;
  const padded = digits.padEnd(e + 1, "0");
  return `${padded.slice(0, e + 1)}.${padded.slice(e + 1) || "0"}`;
}

/** Spell a typed value. `args` says how the keys of users and references are spelled. */
function typed(value, args) {
  switch (value.type) {
    case "null":
      return "null";
    case "bool":
      return value.value ? "true" : "false";
    case "int":
      return integer(value.value);
    case "float":
      return float(value.value);
    case "text":
      return text(value.value);
    case "list":
      return list(value.items.map((item) => typed(item, args)));
    case "map":
      return map(value.entries.map(([key, item]) => [key.startsWith("$") ? `$${key}` : key, typed(item, args)]));
    case "artifact":
      return map(args.reference(value));
    case "family":
      return map([["$family", list(members(value.members, args))]]);
    default:
      throw new Error(`unknown type ${value.type}`);
  }
}

function members(rows, args) {
  const spelled = rows.map((row) => {
    const at = typed(row.at, args);
    return { order: Buffer.from(at, "utf8"), member: map([["at", at], ...args.reference(row)]) };
  });
  return spelled.sort((a, b) => Buffer.compare(a.order, b.order)).map((row) => row.member);
}

const overIds = {
  reference: ({ id, path }) => [["$artifact", text(id)], ...(path === undefined ? [] : [["path", text(path)]])],
};

const overContents = (contents) => ({
  reference: ({ id, path }) => {
    const row = contents.find((c) => c.id === id && c.path === (path ?? null));
    return [["$content", text(row.content)]];
  },
});

const texts = (object) => map(Object.entries(object).map(([key, value]) => [key, text(value)]));
const sortedTexts = (names) => list([...new Set(names)].sort(byCodePoint).map(text));

function image(fields) {
  if (fields.kind === "container") return map([["digest", text(fields.digest)]]);
  if (fields.kind === "build") {
    const build = [
      ["context", text(fields.context)],
      ["dockerfile", text(fields.dockerfile)],
      ["tree", texts(fields.tree)],
      ["args", texts(fields.args)],
      ["from", texts(fields.from)],
    ];
    return map([["build", map(build)]]);
  }
  const python = [["python", text(fields.python)], ["lock", text(fields.lock)]];
  if (fields.project !== undefined) {
    python.push(["project", text(fields.project)]);
    python.push(["groups", sortedTexts(fields.groups)], ["extras", sortedTexts(fields.extras)]);
  }
  return map(python);
}

function target(fields, format, args) {
  const paths = fields.code.map(([path]) => path);
  const sorted = [...paths].sort(byCodePoint);
  const entries = [
    ["format", text(format)],
    ["task", text(fields.task)],
    ["entrypoint", fields.entrypoint === null ? "null" : list(fields.entrypoint.map(text))],
    ["platform", text(fields.platform)],
    ["image", image(fields.image)],
    ["code", map(fields.code.map(([path, object]) => [path, text(object)]))],
    ["env", texts(fields.env)],
    ["secrets", sortedTexts(fields.secrets)],
    ["cache_version", integer(fields.cache_version)],
    ["args", typed(fields.args, args)],
  ];
  if (fields.image.kind === "python" && paths.some((path, i) => path !== sorted[i])) {
    entries.push(["search", list(paths.map(text))]);
  }
  return map(entries);
}

function source(fields) {
  const entries = [["format", text("traintrack/source/1")]];
  if (fields.content !== undefined) entries.push(["content", text(fields.content)]);
  else entries.push(["listing", text(fields.listing)]);
  if (fields.content === undefined || fields.deliver === "uri") entries.push(["uri", text(fields.uri)]);
  return map(entries);
}

function canonical(vector) {
  switch (vector.kind) {
    case "value":
      return typed(vector.value, overIds);
    case "source":
      return source(vector.source);
    case "target":
      return target(vector.target, "traintrack/target/1", overIds);
    case "action":
      return target(vector.target, "traintrack/action/1", overContents(vector.contents));
    default:
      throw new Error(`unknown kind ${vector.kind}`);
  }
}

function answer(vector) {
  try {
    const spelled = canonical(vector);
    const digest = createHash("sha256").update(spelled, "utf8").digest("hex");
    return { name: vector.name, canonical: spelled, digest };
  } catch (error) {
    if (error instanceof Refused) return { name: vector.name, refused: true };
    throw error;
  }
}

const document = JSON.parse(readFileSync(process.argv[2], "utf8"));
process.stdout.write(JSON.stringify(document.vectors.map(answer)));
