// Columns that go to the host. One that most batches do not have stays empty until a value has something to say.
import { encode } from '#host';
import { wellFormed } from '../utf8.js';

/** Text or bytes as bytes. */
export const bytesOf = (value) => (typeof value === 'string' ? encode(value) : value);

/** Byte strings laid end to end. */
export class Blobs {
  #ends = [];
  #bytes = new Uint8Array(1024);
  #length = 0;

  get count() {
    return this.#ends.length;
  }

  push(bytes) {
    const end = this.#length + bytes.length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(bytes, this.#length);
    this.#length = end;
    this.#ends.push(end);
  }

  /** Sets the value at a place, the next one or one further on; those between are empty. */
  set(place, bytes) {
    this.#fill(place);
    this.push(bytes);
  }

  /** All of them. */
  finish() {
    return { ends: new Uint32Array(this.#ends), bytes: this.#bytes.slice(0, this.#length) };
  }

  /** Those of a batch of `n`, of which most have none. */
  finishOptional(n) {
    if (this.#ends.length > 0) this.#fill(n);
    return this.finish();
  }

  #fill(n) {
    while (this.#ends.length < n) this.#ends.push(this.#length);
  }

  #grow(end) {
    const grown = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** Strings that repeat. */
export class Labels {
  #places = new Map();
  #index = [];

  get count() {
    return this.#index.length;
  }

  push(value) {
    let place = this.#places.get(value);
    if (place === undefined) this.#places.set(value, (place = this.#places.size));
    this.#index.push(place);
  }

  finish() {
    return { names: [...this.#places.keys()].map(wellFormed), index: new Uint32Array(this.#index) };
  }
}

/** Sets of name-value pairs that most batches do not have. */
export class Attributes {
  #ends = [];
  #names = new Blobs();
  #values = new Blobs();

  set(place, pairs) {
    this.#fill(place);
    for (const [name, value] of Object.entries(pairs)) {
      this.#names.push(encode(name));
      this.#values.push(encode(String(value)));
    }
    this.#ends.push(this.#names.count);
  }

  finish(n) {
    if (this.#ends.length > 0) this.#fill(n);
    return { ends: new Uint32Array(this.#ends), names: this.#names.finish(), values: this.#values.finish() };
  }

  #fill(n) {
    while (this.#ends.length < n) this.#ends.push(this.#names.count);
  }
}
