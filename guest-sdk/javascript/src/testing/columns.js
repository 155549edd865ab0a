// Columns as the host lays them out and reads them back.
import { decode, encode } from '#host';
import { Attributes, Blobs, Labels, bytesOf } from '../columns/write.js';
import { blob } from '../columns/read.js';

/** A sample's payload: bytes and text as they are, anything else as JSON. */
export function payloadOf(payload) {
  return payload instanceof Uint8Array || typeof payload === 'string' ? bytesOf(payload) : encode(JSON.stringify(payload));
}

const filled = (column, values, put) => {
  for (const value of values) put(column, value);
  return column;
};

export const blobs = (values) => filled(new Blobs(), values, (column, value) => column.push(bytesOf(value))).finish();
export const labels = (values) => filled(new Labels(), values, (column, value) => column.push(value)).finish();
export const numbers = (values) => new BigUint64Array(values.map(BigInt));
export const none = { blobs: blobs([]), labels: labels([]), numbers: numbers([]), attributes: attributes([]) };

/** Payloads as the host sends them to a component that wants `texts`: as strings, and as bytes those that are not UTF-8. */
export function withTexts(payloads) {
  const texts = payloads.map(decode);
  const rest = payloads.map((bytes, i) => (texts[i] === undefined ? bytes : ''));
  const column = { names: texts.map((text = '') => text), index: new Uint32Array(texts.keys()) };
  return { payloads: blobs(rest), extra: [{ name: 'texts', values: { tag: 'labels', val: column } }] };
}

export function attributes(sets) {
  const column = new Attributes();
  sets.forEach((set, place) => column.set(place, set));
  return column.finish(sets.length);
}

/** The payloads of outputs, of which some are inputs' own. */
export function payloads({ reuse, bytes }, n, inputs) {
  let next = 0;
  return Array.from({ length: n }, (_, i) => (reuse[i] > 0 ? inputs[reuse[i] - 1] : blob(bytes, next++)));
}

/** Where output `i` came from. */
export function origins({ ends, index }, i) {
  return ends.length === 0 ? [i] : Array.from(index.slice(i === 0 ? 0 : ends[i - 1], ends[i]));
}

export function refused(rejected) {
  return rejected.map(({ origin, kind, message }) => ({ origin, unsupported: kind === 1, message }));
}

/** What a connector returns when nothing of it is refused by the host: outputs of refused inputs are dropped. */
export function kept(outputs, rejected) {
  const gone = new Set(rejected.map(({ origin }) => origin));
  return outputs.filter(({ origins }) => !origins.some((origin) => gone.has(origin)));
}
