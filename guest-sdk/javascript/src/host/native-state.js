// The state of a test: the harness's, while a fetch runs. It refuses what the host would.
const KEY_BYTES_MAX = 128;
const VALUE_BYTES_MAX = 64 * 1024;
const BYTES_MAX = 512 * 1024;
const KEYS_MAX = 256;

const bytes = (text) => new TextEncoder().encode(text).length;

/** Values by key, as the host keeps them for a call. */
export class Values {
  constructor(values) {
    this.values = new Map(values);
  }

  get(key) {
    return this.values.get(key);
  }

  set(key, value) {
    if (key === '' || bytes(key) > KEY_BYTES_MAX) throw 'key';
    if (value.length > VALUE_BYTES_MAX) throw 'value';
    const after = new Map(this.values).set(key, value);
    const size = [...after].reduce((sum, [name, { length }]) => sum + bytes(name) + length, 0);
    if (size > BYTES_MAX || after.size > KEYS_MAX) throw 'full';
    this.values = after;
  }

  delete(key) {
    this.values.delete(key);
  }

  keys() {
    return [...this.values.keys()].sort();
  }
}

const refuses = () => {
  throw 'unavailable';
};
const none = { get: () => undefined, set: refuses, delete: refuses, keys: () => [] };

export const current = { state: none };

/** Calls something with these values as the state, and gives what it made of them. */
export function withState(values, call) {
  const during = new Values(values);
  current.state = during;
  try {
    return { returned: call(), values: during.values };
  } finally {
    current.state = none;
  }
}

export const stateOf = () => current.state;
