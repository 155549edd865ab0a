// What records and writes have in common.
import { bytesOf } from './columns/write.js';
import { InputPayload } from './columns/outputs.js';
import { InvalidData } from './errors.js';

const CONTROL = /[\0-\x1f\x7f-\x9f]/;

/** A value as JSON; bytes as they are. */
export function payloadOf(value) {
  if (value instanceof Uint8Array) return value;
  const json = JSON.stringify(value);
  if (json === undefined) throw new InvalidData(`a ${typeof value} cannot be spelled as JSON`);
  return json;
}

/** A payload as it goes into a column. */
export const payloadBytes = (payload) => (payload instanceof InputPayload ? payload : bytesOf(payload));

/** An id that an author gave, as bytes; undefined for none. */
export function idBytes(id, max, name) {
  if (id === undefined || id === null) return undefined;
  if (!isScalar(id)) throw new TypeError(`${name} is a text or a number, not ${what(id)}`);
  const bytes = bytesOf(String(id));
  if (bytes.length === 0 || bytes.length > max || CONTROL.test(id)) {
    throw new InvalidData(`${name} has 1 to ${max} bytes and no control characters`);
  }
  return bytes;
}

/** A routing key as bytes; undefined for none. */
export function keyBytes(key) {
  if (key === undefined || key === null) return undefined;
  if (key instanceof Uint8Array) return key;
  if (!isScalar(key)) throw new TypeError(`a key is a text, a number or bytes, not ${what(key)}`);
  return bytesOf(String(key));
}

const isScalar = (value) => ['string', 'number', 'bigint', 'boolean'].includes(typeof value);

/** The places of one input or of several, at least one. */
export function placesOf(inputs) {
  const places = (Array.isArray(inputs) ? inputs : [inputs]).map((input) => input?.place);
  if (places.length === 0 || places.includes(undefined)) {
    throw new TypeError('an output of a whole batch names what it came from: `{ from: input }`, one or several');
  }
  return places;
}

/** Refuses inputs of a batch: for a connector that sees whole batches. */
export class Refusal {
  constructor(inputs, message) {
    Object.assign(this, { inputs, message });
  }
}

export const refuse = (inputs, message) => new Refusal(inputs, message);

/** How a value is called in a message. */
export function what(value) {
  return typeof value === 'object' && value !== null ? (value.constructor?.name ?? 'an object') : `\`${String(value)}\``;
}
