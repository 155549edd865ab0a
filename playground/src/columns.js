// Columns, in which batches cross into a component, to and from objects. See `wit/types.wit`.

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Values one after another. */
export function blobs(values) {
  const parts = values.map((value) => (typeof value === 'string' ? encoder.encode(value) : value));
  const ends = new Uint32Array(parts.length);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  parts.forEach((part, i) => {
    bytes.set(part, at);
    at += part.length;
    ends[i] = at;
  });
  return { ends, bytes };
}

/** The value at a place; nothing if the column was left out. */
export function blob(column, i) {
  if (i >= column.ends.length) return undefined;
  return column.bytes.subarray(i === 0 ? 0 : column.ends[i - 1], column.ends[i]);
}

export const text = (bytes) => (bytes === undefined ? undefined : decoder.decode(bytes));

/** Names, each once. */
export function labels(values) {
  const names = [...new Set(values)];
  return { names, index: Uint32Array.from(values, (value) => names.indexOf(value)) };
}

export const label = (column, i) => column.names[column.index[i]];

/** Pairs of each row. */
export function attributes(rows) {
  const pairs = rows.map((row) => Object.entries(row ?? {}));
  let at = 0;
  const ends = Uint32Array.from(pairs, (own) => (at += own.length));
  const all = pairs.flat();
  return { ends, names: blobs(all.map(([name]) => name)), values: blobs(all.map(([, value]) => String(value))) };
}

export function attributesOf(column, i) {
  const row = {};
  if (i >= column.ends.length) return row;
  for (let at = i === 0 ? 0 : column.ends[i - 1]; at < column.ends[i]; at += 1) {
    row[text(blob(column.names, at))] = text(blob(column.values, at));
  }
  return row;
}

/** The inputs that an output was made of. Where none are named, outputs and inputs stand side by side. */
export function origins(column, i) {
  if (column.ends.length === 0) return [i];
  return [...column.index.subarray(i === 0 ? 0 : column.ends[i - 1], column.ends[i])];
}
