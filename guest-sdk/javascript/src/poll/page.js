// What a source fetched, on its way to the host.
import { Attributes, Blobs, bytesOf } from '../columns/write.js';
import { idBytes, keyBytes, payloadOf } from '../outputs.js';

const ID_BYTES_MAX = 256;
const U32_MAX = 0xffffffff;

export class PageBuilder {
  /** When to fetch again; undefined for the interval of the pipeline file. */
  againAfterMs;
  #payloads = new Blobs();
  #ids = new Blobs();
  #keys = new Blobs();
  #attributes = new Attributes();
  #bytes = 0;

  get length() {
    return this.#payloads.count;
  }

  get bytes() {
    return this.#bytes;
  }

  push(value, { id, key, attributes } = {}) {
    const place = this.length;
    const checked = { payload: bytesOf(payloadOf(value)), id: idBytes(id, ID_BYTES_MAX, 'an event id'), key: keyBytes(key) };
    this.#payloads.push(checked.payload);
    this.#bytes += checked.payload.length;
    if (checked.id) this.#ids.set(place, checked.id);
    if (checked.key) this.#keys.set(place, checked.key);
    if (attributes) this.#attributes.set(place, attributes);
  }

  finish() {
    const { length, againAfterMs } = this;
    return {
      payloads: this.#payloads.finish(),
      ids: this.#ids.finishOptional(length),
      keys: this.#keys.finishOptional(length),
      attributes: this.#attributes.finish(length),
      againAfterMs: againAfterMs === undefined ? undefined : Math.min(Math.max(Math.round(againAfterMs), 0), U32_MAX),
      extra: [],
    };
  }
}
