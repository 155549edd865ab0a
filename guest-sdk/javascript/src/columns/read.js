// Views into columns that the host sent. A value that is not there, because the column was not asked for, is empty.
import { decode } from '#host';

const NOTHING = new Uint8Array(0);

/** Value `i` of byte strings. */
export function blob({ ends, bytes }, i) {
  return i < ends.length ? bytes.subarray(i === 0 ? 0 : ends[i - 1], ends[i]) : NOTHING;
}

/** Value `i` as text; empty if it is not UTF-8. */
export function text(column, i) {
  const bytes = blob(column, i);
  return bytes.length === 0 ? '' : (decode(bytes) ?? '');
}

/** Value `i` of strings that repeat. */
export function label({ names, index }, i) {
  return i < index.length ? names[index[i]] : '';
}

/** The pairs of set `i`; of several of one name, the first. */
export function pairs({ ends, names, values }, i) {
  const found = {};
  const from = i === 0 ? 0 : ends[i - 1];
  for (let pair = from; pair < (ends[i] ?? 0); pair++) {
    const name = text(names, pair);
    if (!Object.hasOwn(found, name)) set(found, name, text(values, pair));
  }
  return found;
}

/** The extra column of this name, if it is of this kind. */
export function extra(batch, name, kind) {
  const column = batch.extra.find((column) => column.name === name);
  return column?.values.tag === kind ? column.values.val : undefined;
}

// `found.__proto__ = …` would be lost.
function set(found, name, value) {
  Object.defineProperty(found, name, { value, enumerable: true, configurable: true, writable: true });
}
