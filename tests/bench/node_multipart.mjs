// Reads multipart/form-data piece by piece, for node_server.mjs. What may be the beginning of a
// delimiter is held back until more has come; everything else is taken as it arrives.

import { Refusal } from "./node_upload.mjs";

const EMPTY = Buffer.alloc(0);
const LINE_END = Buffer.from("\r\n");
const HEAD_END = Buffer.from("\r\n\r\n");
const HEAD_LIMIT = 16 * 1024;
const PARTS_LIMIT = 10000;
const DASH = 0x2d;

function malformed() {
  return new Refusal(400, 10026, "Could not parse request body as multipart");
}

function readBoundary(contentType) {
  const match = /^multipart\/form-data\s*;.*?\bboundary=(?:"([^"]+)"|([^\s;"]+))/i.exec(contentType);
  const boundary = match && (match[1] ?? match[2]);
  if (!boundary || boundary.length > 70) throw malformed();
  return boundary;
}

function unescape(text) {
  return text.replaceAll("%22", '"').replaceAll("%0D", "\r").replaceAll("%0A", "\n");
}

// A new part, from the lines of its head.
function readHead(text) {
  const part = { name: undefined, filename: undefined, type: undefined, size: 0, pieces: [] };
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon < 1) throw malformed();
    const field = line.slice(0, colon).toLowerCase();
    if (field === "content-disposition") {
      for (const [, key, value] of line.matchAll(/;\s*(name|filename)="([^"]*)"/gi)) {
        part[key.toLowerCase()] = unescape(value);
      }
    } else if (field === "content-type") {
      part.type = line.slice(colon + 1).trim();
    }
  }
  if (part.name === undefined) throw malformed();
  return part;
}

export class MultipartReader {
  #delimiter;
  #limit;
  #total = 0;
  #data = LINE_END; // a delimiter may be the first line: it then looks like any other
  #part = null; // the part that is being read; null in front of the first
  #parts = [];
  #step = this.#readContent;

  constructor(contentType, limit) {
    this.#delimiter = Buffer.from("\r\n--" + readBoundary(contentType));
    this.#limit = limit;
  }

  /** Takes the next piece of the body. */
  write(chunk) {
    this.#total += chunk.length;
    if (this.#total > this.#limit) {
      throw new Refusal(413, 10027, "Your Worker exceeded the size limit of 100 MB");
    }
    this.#data = this.#data.length === 0 ? chunk : Buffer.concat([this.#data, chunk]);
    while (this.#step());
  }

  /** The parts, when the whole body has been read: { name, filename, type, size, content }. */
  end() {
    if (this.#step !== this.#skipRest) throw malformed();
    return this.#parts;
  }

  // Each step does what it can with the data there is, and says whether the next one can follow.

  #readContent() {
    const at = this.#data.indexOf(this.#delimiter);
    if (at < 0) {
      this.#take(Math.max(this.#data.length - this.#delimiter.length + 1, 0));
      return false;
    }
    this.#take(at);
    this.#data = this.#data.subarray(this.#delimiter.length);
    this.#finishPart();
    this.#step = this.#readDelimiterEnd;
    return true;
  }

  #take(size) {
    if (this.#part && size > 0) {
      this.#part.pieces.push(this.#data.subarray(0, size));
      this.#part.size += size;
    }
    this.#data = this.#data.subarray(size);
  }

  // The content is copied: what arrived is a view of a far larger buffer.
  #finishPart() {
    if (!this.#part) return;
    const { name, filename, type, size, pieces } = this.#part;
    this.#parts.push({ name, filename, type, size, content: Buffer.concat(pieces, size) });
    if (this.#parts.length > PARTS_LIMIT) throw malformed();
  }

  #readDelimiterEnd() {
    if (this.#data.length < 2) return false;
    const isLast = this.#data[0] === DASH && this.#data[1] === DASH;
    if (!isLast && (this.#data[0] !== LINE_END[0] || this.#data[1] !== LINE_END[1])) {
      throw malformed();
    }
    this.#data = isLast ? EMPTY : this.#data.subarray(2);
    this.#step = isLast ? this.#skipRest : this.#readHead;
    return true;
  }

  #readHead() {
    const at = this.#data.indexOf(HEAD_END);
    if ((at < 0 ? this.#data.length : at) > HEAD_LIMIT) throw malformed();
    if (at < 0) return false;
    this.#part = readHead(this.#data.toString("utf8", 0, at));
    this.#data = this.#data.subarray(at + HEAD_END.length);
    this.#step = this.#readContent;
    return true;
  }

  #skipRest() {
    this.#data = EMPTY;
    return false;
  }
}
