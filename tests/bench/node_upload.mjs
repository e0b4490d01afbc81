// What an upload makes of a script, for node_server.mjs: checks its metadata, finds the modules and
// their handlers, resolves the bindings, renders what is shown.

import { hash } from "node:crypto";

/** What ends a request: a status and the entry of `errors`. */
export class Refusal extends Error {
  constructor(status, code, message, pointer) {
    super(message);
    this.status = status;
    this.code = code;
    this.pointer = pointer;
  }

  entry() {
    const source = this.pointer === undefined ? undefined : { pointer: this.pointer };
    return { code: this.code, message: this.message, source };
  }
}

function invalid(message, pointer) {
  return new Refusal(400, 10021, message, pointer);
}

// ---- metadata -------------------------------------------------------------------------------------

const isText = (value) => typeof value === "string" && value !== "";
const isString = (value) => typeof value === "string";
const isBoolean = (value) => typeof value === "boolean";
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isTextList = (value) => Array.isArray(value) && value.every(isString);
const isRate = (value) => typeof value === "number" && value >= 0 && value <= 1;
const isAbsent = (value) => value === undefined || value === null;

function isDate(value) {
  const match = isString(value) && /^(\d{4})-(\d\d)-(\d\d)$/.exec(value);
  if (!match) return false;
  const date = new Date(Date.UTC(match[1], match[2] - 1, match[3]));
  return date.getUTCMonth() === match[2] - 1 && date.getUTCDate() === Number(match[3]);
}

const objectOf = (fields) => (value) =>
  isObject(value) &&
  Object.entries(value).every(([name, item]) => !fields[name] || isAbsent(item) || fields[name](item));

const SWITCH = objectOf({ enabled: isBoolean });
const SAMPLED = { enabled: isBoolean, head_sampling_rate: isRate, destinations: isTextList };
const CONSUMER = objectOf({ service: isText, environment: isString, namespace: isString });

const FIELDS = {
  main_module: isText,
  body_part: isText,
  bindings: Array.isArray,
  keep_bindings: isTextList,
  tags: isTextList,
  compatibility_date: isDate,
  compatibility_flags: isTextList,
  usage_model: (value) => ["standard", "bundled", "unbound"].includes(value),
  limits: objectOf({ cpu_ms: Number.isInteger, subrequests: Number.isInteger }),
  logpush: isBoolean,
  tail_consumers: (value) => Array.isArray(value) && value.every(CONSUMER),
  observability: objectOf({ ...SAMPLED, logs: objectOf(SAMPLED), traces: objectOf(SAMPLED) }),
  placement: objectOf({ mode: (value) => value === "smart" || value === "targeted" }),
  cache_options: SWITCH,
  annotations: isObject,
  migrations: isObject,
};

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, 10026, "Could not parse request body", "/metadata");
  }
}

/** The metadata of an upload, checked. */
export function readMetadata(part) {
  if (!part) throw invalid("The request has no `metadata` part", "/metadata");
  const metadata = parse(part.content.toString());
  if (!isObject(metadata)) throw invalid("the value must be an object", "");
  for (const [name, value] of Object.entries(metadata)) {
    const fits = FIELDS[name];
    if (fits && !isAbsent(value) && !fits(value)) throw invalid(`\`${name}\` is not valid`, `/${name}`);
  }
  return metadata;
}

function checkTags(tags) {
  for (const [i, tag] of tags.entries()) {
    if (tag === "" || tag.length > 1024 || /[,&]/.test(tag)) {
      throw invalid("A tag must be a text without ',' and '&'", `/tags/${i}`);
    }
  }
  const kept = [...new Set(tags)];
  if (kept.length > 10) throw new Refusal(403, 10021, "You have exceeded the limit of 10 tags");
  return kept;
}

// ---- code -----------------------------------------------------------------------------------------

const EVENTS = ["fetch", "scheduled", "queue", "email", "tail", "trace", "test", "alarm"];
const DEFAULT_EXPORT = /\bexport\s+default\s*(?:class\b[^{]*)?\{/g;
const NAMED_CLASS = /\bexport\s+class\s+([A-Za-z_$][\w$]*)[^{]*\{/g;
const EXPORT_LIST = /\bexport\s*\{([^}]*)\}/g;

// The text directly inside the braces that open in front of `at`.
function members(source, at) {
  let flat = "";
  let depth = 1;
  let from = at;
  for (let i = at; i < source.length && depth > 0; i++) {
    const c = source.charCodeAt(i);
    if (c === 0x7b && depth++ === 1) {
      flat += source.slice(from, i);
    } else if (c === 0x7d && depth-- <= 2) {
      if (depth === 0) flat += source.slice(from, i);
      from = i;
    }
  }
  return flat.replace(/\/\*[^]*?\*\/|\/\/[^\n]*/g, "").replace(/\([^)]*\)/g, "()");
}

function eventsIn(source, at) {
  const names = new Set();
  for (const [, name] of members(source, at).matchAll(/([\w$]+)\s*(?=[(:=,]|$)/g)) names.add(name);
  return EVENTS.filter((event) => names.has(event));
}

function definitionOf(source, name) {
  const escaped = name.replaceAll("$", "\\$");
  const opening = new RegExp(`(?:class\\s+${escaped}[^{]*|\\b${escaped}\\s*=\\s*(?:class[^{]*)?)\\{`);
  const match = opening.exec(source);
  return match ? match.index + match[0].length : -1;
}

function exportLists(source) {
  const pairs = [];
  for (const [, list] of source.matchAll(EXPORT_LIST)) {
    for (const item of list.split(",")) {
      const match = /^\s*([\w$]+)(?:\s+as\s+([\w$]+))?\s*$/.exec(item);
      if (match) pairs.push([match[1], match[2] ?? match[1]]);
    }
  }
  return pairs;
}

function defaultAt(source, lists) {
  DEFAULT_EXPORT.lastIndex = 0;
  if (DEFAULT_EXPORT.test(source)) return DEFAULT_EXPORT.lastIndex;
  const name =
    lists.find(([, outer]) => outer === "default")?.[0] ??
    /\bexport\s+default\s+([\w$]+)\s*(?:;|$)/m.exec(source)?.[1];
  return name === undefined ? -1 : definitionOf(source, name);
}

function scanModule(source) {
  const lists = exportLists(source);
  const named = [];
  for (const match of source.matchAll(NAMED_CLASS)) {
    named.push({ name: match[1], handlers: eventsIn(source, match.index + match[0].length) });
  }
  for (const [inner, outer] of lists) {
    const at = outer === "default" ? -1 : definitionOf(source, inner);
    if (at >= 0) named.push({ name: outer, handlers: eventsIn(source, at) });
  }
  const at = defaultAt(source, lists);
  return { handlers: at < 0 ? [] : eventsIn(source, at), named };
}

function scanServiceWorker(source) {
  const found = source.matchAll(/addEventListener\s*\(\s*["'`]([A-Za-z]+)/g);
  return { handlers: [...new Set(Array.from(found, (match) => match[1]))], named: [] };
}

function readModules(files, wanted, call) {
  const seen = new Set();
  return files.map(({ name, filename, type, size, content }) => {
    const module = { name: filename || name, type: type ?? "application/octet-stream", size, content };
    if (seen.has(module.name)) throw invalid(`Module '${module.name}' is there more than once`);
    seen.add(module.name);
    if (module.name === wanted && /^(?:application|text)\/javascript$/i.test(module.type)) {
      call.messages.push({ code: 10021, message: `The main module was sent as ${module.type}` });
    }
    module.digest = hash("sha256", content, "hex");
    return module;
  });
}

function etagOf(kind, entry, modules) {
  const lines = modules.map(({ name, type, digest }) => JSON.stringify([name, type, digest])).sort();
  return hash("sha256", JSON.stringify([kind, entry]) + lines.join(""), "hex");
}

function readCode(call, metadata, files, before) {
  const kind = isAbsent(metadata.main_module) ? "service_worker" : "module";
  const wanted = metadata.main_module ?? metadata.body_part;
  if (files.length === 0 && before?.code) return before.code;
  if (isAbsent(wanted)) throw invalid("The metadata names no entry", "/main_module");
  const modules = readModules(files, wanted, call);
  const at = files.findIndex(({ name, filename }) => filename === wanted || name === wanted);
  if (at < 0) throw invalid(`No such module "${wanted}".`, "/main_module");
  const source = modules[at].content.toString();
  if (!/\S/.test(source)) throw new Refusal(400, 10068, "The uploaded script has no content");
  const { handlers, named } = kind === "module" ? scanModule(source) : scanServiceWorker(source);
  const entry = modules[at].name;
  return {
    kind,
    entry,
    modules,
    etag: etagOf(kind, entry, modules),
    handlers: handlers.length > 0 ? handlers : ["fetch"],
    named,
  };
}

// ---- bindings -------------------------------------------------------------------------------------

const LARGEST = 5 * 1024;
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;
const NEEDS = {
  plain_text: { text: isString },
  secret_text: { text: isString },
  json: { json: () => true },
  kv_namespace: { namespace_id: isText },
  r2_bucket: { bucket_name: isText },
  d1: { database_id: isText },
  queue: { queue_name: isText },
  service: { service: isText },
  durable_object_namespace: { class_name: isText },
  inherit: {},
};

function checkBinding(binding, pointer, call) {
  if (!isObject(binding)) throw invalid("A binding must be an object", pointer);
  if (!isText(binding.name)) throw new Refusal(400, 10052, "A binding needs a name", pointer);
  if (!IDENTIFIER.test(binding.name)) {
    const message = `Binding name '${binding.name}' is not a JavaScript variable name`;
    call.messages.push({ code: 10021, message });
  }
  if (!isText(binding.type)) throw invalid("A binding needs a type", `${pointer}/type`);
  for (const [field, fits] of Object.entries(NEEDS[binding.type] ?? {})) {
    if (!fits(binding[field])) throw invalid(`\`${field}\` is needed`, `${pointer}/${field}`);
  }
  const value = binding.type === "json" ? JSON.stringify(binding.json) : binding.text;
  if (isString(value) && Buffer.byteLength(value) > LARGEST) {
    throw new Refusal(400, 10054, `Binding '${binding.name}' is too large`, pointer);
  }
}

// What is shown of the bindings by their names, and the values of secrets, apart.
function resolveBindings(call, metadata, before) {
  const shown = new Map();
  const secrets = new Map();
  const previous = before?.bindings ?? new Map();
  const carry = (binding, name) => {
    shown.set(name, { ...binding, name });
    if (before.secrets.has(binding.name)) secrets.set(name, before.secrets.get(binding.name));
  };
  for (const [i, binding] of (metadata.bindings ?? []).entries()) {
    const pointer = `/bindings/${i}`;
    checkBinding(binding, pointer, call);
    const { name, type } = binding;
    if (shown.has(name)) throw new Refusal(400, 10053, `Binding '${name}' is given twice`, pointer);
    if (type === "inherit") {
      const old = previous.get(binding.old_name ?? name);
      if (old) carry(old, name);
      else if (call.query.get("bindings_inherit") === "strict") {
        throw new Refusal(400, 10057, `Binding '${name}' cannot be inherited`, pointer);
      }
    } else if (type === "secret_text") {
      shown.set(name, { name, type });
      secrets.set(name, binding.text);
    } else {
      shown.set(name, { ...binding });
    }
  }
  const kept = new Set(metadata.keep_bindings ?? []);
  for (const binding of previous.values()) {
    if (kept.has(binding.type) && !shown.has(binding.name)) carry(binding, binding.name);
  }
  if (shown.size > 128) throw new Refusal(400, 10055, "More than 128 bindings", "/bindings");
  return { shown, secrets };
}

// ---- the whole ------------------------------------------------------------------------------------

function sourceOf(agent = "") {
  if (agent.startsWith("wrangler/")) return "wrangler";
  return agent.startsWith("Mozilla/") ? "dash" : "api";
}

function withoutValues(metadata, shown) {
  return JSON.stringify({ ...metadata, bindings: [...shown.values()] });
}

// Rendered when a script is written, so that reads copy text.
function renderDocument(script, settings) {
  return JSON.stringify({
    ...settings,
    created_on: script.createdOn,
    etag: script.code.etag,
    handlers: script.code.handlers,
    has_assets: false,
    has_modules: script.code.kind === "module",
    id: script.name,
    last_deployed_from: script.source,
    modified_on: script.modifiedOn,
    named_handlers: script.code.named,
    tag: script.tag,
    tags: script.tags,
  });
}

/** Completes a script from an upload; `script.before` is what it replaces. */
export function applyUpload(call, metadata, files, { before, ...script }) {
  script.code = readCode(call, metadata, files, before);
  const { shown, secrets } = resolveBindings(call, metadata, before);
  script.bindings = shown;
  script.secrets = secrets;
  script.tags = isAbsent(metadata.tags) ? (before?.tags ?? []) : checkTags(metadata.tags);
  script.tagsText = JSON.stringify(script.tags);
  script.source = sourceOf(call.request.headers["user-agent"]);
  script.metadata = withoutValues(metadata, shown);
  script.document = renderDocument(script, {
    compatibility_date: metadata.compatibility_date ?? "2021-11-02",
    compatibility_flags: metadata.compatibility_flags ?? [],
    logpush: metadata.logpush ?? false,
    observability: metadata.observability ?? { enabled: false },
    placement: metadata.placement ?? {},
    tail_consumers: metadata.tail_consumers ?? null,
    usage_model: metadata.usage_model ?? "standard",
    cache_options: metadata.cache_options,
  });
  return script;
}
