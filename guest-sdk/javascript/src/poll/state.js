// A few values of the connector's own that outlive the process. They are there during `fetch` alone.
import { stateOf } from '#state';
import { decode, encode } from '#host';
import { Fatal } from '../errors.js';
import { wellFormed } from '../utf8.js';

const REFUSALS = {
  key: 'a key has 1 to 128 bytes',
  value: 'a value has at most 64 KiB',
  full: 'all keys and values together have at most 512 KiB, and there are at most 256 keys',
  unavailable: 'state is there while `fetch` runs, and at no other time',
};

export const state = {
  get: (key) => stateOf().get(wellFormed(key)) ?? undefined,

  getText(key) {
    const value = state.get(key);
    return value && decode(value);
  },

  set(key, value) {
    if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
      throw new TypeError(`the state \`${key}\` is a text or bytes, not a ${typeof value}`);
    }
    const bytes = typeof value === 'string' ? encode(value) : value;
    changed('set', key, () => stateOf().set(wellFormed(key), bytes));
  },

  delete: (key) => changed('deleted', key, () => stateOf().delete(wellFormed(key))),

  keys: () => [...stateOf().keys()],
};

/** Makes a change; a refusal of the contract becomes an error with its sentence. */
function changed(what, key, change) {
  try {
    change();
  } catch (refusal) {
    const reason = REFUSALS[refusal?.payload ?? refusal];
    if (!reason) throw refusal;
    throw new Fatal(`the state \`${key}\` was not ${what}: ${reason}`);
  }
}
