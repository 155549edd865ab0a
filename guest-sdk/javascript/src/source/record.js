// What an event may become: records, and an answer to who waits for it.
import { InputPayload } from '../columns/outputs.js';
import { InvalidData } from '../errors.js';
import { payloadOf } from '../outputs.js';
import { encode } from '#host';

export class SourceRecord {
  constructor(topic, payload, { key, id, attributes, from } = {}) {
    Object.assign(this, { topic, payload, key, id, attributes, from });
  }
}

export class Reply {
  constructor(status, contentType, body, from) {
    Object.assign(this, { status, contentType, body, from });
  }
}

export function record(topic, value, options) {
  return new SourceRecord(topic, payloadOf(value), options);
}

/** An event's own payload, unchanged. It does not cross the sandbox again. */
export function forward(event, { topic = event.topic, ...options }) {
  return new SourceRecord(topic, new InputPayload(event.place), options);
}

const STATUS = { from: 200, to: 499 };
const BODY_BYTES_MAX = 64 * 1024;
const PRINTABLE = /^[\x20-\x7e]{0,256}$/;

/** What a waiting HTTP caller is answered instead of the host's own answer. */
export function reply(status, body = '', { contentType = typeOf(body), from } = {}) {
  if (!Number.isInteger(status) || status < STATUS.from || status > STATUS.to) {
    throw new InvalidData(`an answer's status is within ${STATUS.from} to ${STATUS.to}, not ${status}`);
  }
  if (!PRINTABLE.test(contentType)) throw new InvalidData("an answer's content type is printable ASCII of at most 256 bytes");
  const payload = typeof body === 'string' ? body : payloadOf(body);
  const bytes = typeof payload === 'string' ? encode(payload) : payload;
  if (bytes.length > BODY_BYTES_MAX) {
    throw new InvalidData(`an answer's body has at most ${BODY_BYTES_MAX} bytes, not ${bytes.length}`);
  }
  return new Reply(status, contentType, bytes, from);
}

function typeOf(body) {
  if (typeof body === 'string') return 'text/plain; charset=utf-8';
  return body instanceof Uint8Array ? 'application/octet-stream' : 'application/json';
}
