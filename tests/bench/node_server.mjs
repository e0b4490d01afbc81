// The rival of `moonherd serve` in the bench: GET script and PUT script on Node's http module, as a
// careful server for production would do them, but with all state in memory.
//
//   node node_server.mjs TOKEN ACCOUNT NAMESPACE
//
// Listens on a free port of the loopback interface and prints it.

import { createServer } from "node:http";
import { createHash, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import { MultipartReader } from "./node_multipart.mjs";
import { Refusal, applyUpload, readMetadata } from "./node_upload.mjs";

const [token, account, namespace] = process.argv.slice(2);
const BODY_LIMIT = 100 * 1024 * 1024;
const LOG_SIZE = 10000;
const SCRIPT_PATH =
  /^(?:\/client\/v4)?\/accounts\/([^/]+)\/workers\/dispatch\/namespaces\/([^/]+)\/scripts\/([^/]+)$/;
const SCRIPT_NAME = /^[a-z0-9_-]{1,255}$/i;

const tokenBytes = Buffer.from(token);
const user = createHash("md5").update(token).digest("hex");
const namespaces = new Map([[namespace, new Map()]]); // name -> scripts by name
const requestLog = new Array(LOG_SIZE);
let requestCount = 0;
let ray = randomBytes(6).readUIntBE(0, 6);

// ---- gates ----------------------------------------------------------------------------------------

function authenticate(headers) {
  const bearer = /^bearer +(\S+) *$/i.exec(headers.authorization ?? "")?.[1];
  if (!bearer) throw new Refusal(400, 9106, "Authentication failed");
  const given = Buffer.from(bearer);
  if (given.length !== tokenBytes.length || !timingSafeEqual(given, tokenBytes)) {
    throw new Refusal(401, 10000, "Authentication error");
  }
}

function decodeSegment(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal(400, 7003, `Could not route to ${text}`);
  }
}

// The scripts of the path's namespace, and the script's name.
function route(target) {
  const queryAt = target.indexOf("?");
  const path = queryAt < 0 ? target : target.slice(0, queryAt);
  const match = SCRIPT_PATH.exec(path);
  if (!match || match[1].toLowerCase() !== account) {
    throw new Refusal(400, 7003, `Could not route to ${path}`);
  }
  const scripts = namespaces.get(decodeSegment(match[2]));
  if (!scripts) throw new Refusal(404, 100119, "Dispatch namespace not found");
  const name = decodeSegment(match[3]);
  if (!SCRIPT_NAME.test(name)) throw new Refusal(400, 10016, "Invalid script name");
  return { scripts, name, query: new URLSearchParams(queryAt < 0 ? "" : target.slice(queryAt)) };
}

// ---- answers --------------------------------------------------------------------------------------

function takeDown(call, status, sent) {
  requestLog[requestCount++ % LOG_SIZE] = {
    time: Date.now(),
    method: call.request.method,
    target: call.request.url,
    status,
    received: call.received,
    sent,
    seconds: (performance.now() - call.began) / 1000,
    user,
    agent: call.request.headers["user-agent"],
  };
}

function answer(call, status, text) {
  const size = Buffer.byteLength(text);
  call.response.writeHead(status, {
    ratelimit: '"default";r=1200;t=300',
    "ratelimit-policy": '"default";q=1200;w=300',
    "cf-ray": (++ray).toString(16).padStart(16, "0") + "-NOD",
    "content-type": "application/json",
    "content-length": size,
  });
  call.response.end(text);
  takeDown(call, status, size);
}

function succeed(call, result) {
  const messages = call.messages.length === 0 ? "[]" : JSON.stringify(call.messages);
  answer(call, 200, `{"success":true,"errors":[],"messages":${messages},"result":${result}}`);
}

function fail(call, error) {
  const isRefusal = error instanceof Refusal;
  if (!isRefusal) console.error(error);
  const entry = isRefusal ? error.entry() : { code: 10002, message: "Unknown error" };
  const body = { success: false, errors: [entry], messages: call.messages, result: null };
  answer(call, isRefusal ? error.status : 500, JSON.stringify(body));
}

// ---- handlers -------------------------------------------------------------------------------------

function getScript(call) {
  const script = call.scripts.get(call.name);
  if (!script) throw new Refusal(404, 10092, "workers.api.error.environment_not_found");
  return (
    `{"id":${JSON.stringify(script.name)},"dispatch_namespace":${JSON.stringify(namespace)},` +
    `"created_on":"${script.createdOn}","modified_on":"${script.modifiedOn}",` +
    `"tags":${script.tagsText},"script":${script.document}}`
  );
}

function uploadResult(script) {
  return (
    `{"startup_time_ms":1,"deployment_id":"${script.version.id.replaceAll("-", "")}",` +
    `"entry_point":${JSON.stringify(script.code.entry)},"pipeline_hash":null,` +
    `"mutable_pipeline_id":null,${script.document.slice(1)}`
  );
}

function putScript(call, parts) {
  const metadata = readMetadata(parts.find((part) => part.name === "metadata"));
  const files = parts.filter((part) => part.name !== "metadata");
  const before = call.scripts.get(call.name);
  const now = new Date().toISOString().replace("Z", "000Z");
  const script = applyUpload(call, metadata, files, {
    name: call.name,
    tag: before?.tag ?? randomBytes(16).toString("hex"),
    createdOn: before?.createdOn ?? now,
    modifiedOn: now,
    before,
  });
  script.version = {
    id: randomUUID(),
    number: (before?.version.number ?? 0) + 1,
    createdOn: now,
    createdBy: user,
    source: script.source,
  };
  call.scripts.set(call.name, script);
  return uploadResult(script);
}

// Reads a form while it arrives, and calls `finish` with its parts.
function readForm(call, finish) {
  const { request } = call;
  if (Number(request.headers["content-length"] ?? 0) > BODY_LIMIT) {
    throw new Refusal(413, 10027, "Your Worker exceeded the size limit of 100 MB");
  }
  const reader = new MultipartReader(request.headers["content-type"] ?? "", BODY_LIMIT);
  request.on("data", (chunk) => {
    if (call.response.writableEnded) return;
    call.received += chunk.length;
    attempt(call, () => reader.write(chunk));
  });
  request.on("end", () => {
    if (!call.response.writableEnded) attempt(call, () => finish(reader.end()));
  });
}

function attempt(call, step) {
  try {
    step();
  } catch (error) {
    fail(call, error);
  }
}

function handle(call) {
  const { request } = call;
  authenticate(request.headers);
  Object.assign(call, route(request.url));
  if (request.method === "GET") {
    succeed(call, getScript(call));
  } else if (request.method === "PUT") {
    readForm(call, (parts) => succeed(call, putScript(call, parts)));
  } else {
    throw new Refusal(405, 10405, "Method not allowed for this authentication scheme");
  }
}

const server = createServer((request, response) => {
  const call = { request, response, messages: [], received: 0, began: performance.now() };
  attempt(call, () => handle(call));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
