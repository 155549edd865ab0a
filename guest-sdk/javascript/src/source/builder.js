// Records on their way back to the host.
import { Origins, Payloads, rejection } from '../columns/outputs.js';
import { Attributes, Blobs, Labels } from '../columns/write.js';
import { Refusal, idBytes, keyBytes, payloadBytes, placesOf, what } from '../outputs.js';
import { Reply, SourceRecord } from './record.js';

const ID_BYTES_MAX = 256;

export class RecordBuilder {
  #topics = new Labels();
  #payloads = new Payloads();
  #origins = new Origins();
  #ids = new Blobs();
  #keys = new Blobs();
  #attributes = new Attributes();
  #rejected = [];
  #answers = new Map();

  /** What came from these events, unless it says so itself. */
  push(made, events) {
    if (made instanceof SourceRecord) this.#record(made, events);
    else if (made instanceof Reply) this.#answers.set(placesOf(made.from ?? events)[0], made);
    else placesOf(made.inputs).forEach((place) => this.reject(rejection(place, made.message, false)));
  }

  reject(rejected) {
    this.#rejected.push(rejected);
    this.#answers.delete(rejected.origin);
  }

  finish(events) {
    const n = this.#topics.count;
    return {
      topics: this.#topics.finish(),
      payloads: this.#payloads.finish(),
      origins: this.#origins.finish(events),
      ids: this.#ids.finishOptional(n),
      keys: this.#keys.finishOptional(n),
      attributes: this.#attributes.finish(n),
      rejected: this.#rejected,
      answers: [...this.#answers].map(([origin, { status, contentType, body }]) => ({ origin, status, contentType, body })),
      extra: [],
    };
  }

  #record({ topic, payload, id, key, attributes, from }, events) {
    const place = this.#topics.count;
    this.#origins.push(placesOf(from ?? events));
    this.#topics.push(topic);
    this.#payloads.push(payload);
    if (id) this.#ids.set(place, id);
    if (key) this.#keys.set(place, key);
    if (attributes) this.#attributes.set(place, attributes);
  }
}

/** An output that a builder takes: checked, with its texts as bytes. */
export function checked(made) {
  if (made instanceof Reply || made instanceof Refusal) return made;
  if (!(made instanceof SourceRecord)) {
    throw new TypeError(`${what(made)} is neither a record nor a reply: make one with record(), event.forward() or reply()`);
  }
  if (typeof made.topic !== 'string') throw new TypeError(`a record's topic is a text, not ${what(made.topic)}`);
  const id = idBytes(made.id, ID_BYTES_MAX, 'an event id');
  return Object.assign(made, { id, key: keyBytes(made.key), payload: payloadBytes(made.payload) });
}
