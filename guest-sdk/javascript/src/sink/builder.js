// Writes on their way back to the host.
import { Origins, Payloads, rejection } from '../columns/outputs.js';
import { Blobs, Labels } from '../columns/write.js';
import { Refusal, idBytes, payloadBytes, placesOf, what } from '../outputs.js';
import { OPERATIONS, Write } from './write.js';

const ID_BYTES_MAX = 512;

export class WriteBuilder {
  #targets = new Labels();
  #payloads = new Payloads();
  #origins = new Origins();
  #ids = new Blobs();
  #operations = [];
  #orders = [];
  #rejected = [];

  /** What came from these messages, unless it says so itself. */
  push(made, messages) {
    if (made instanceof Refusal) placesOf(made.inputs).forEach((place) => this.reject(rejection(place, made.message, false)));
    else this.#write(made, messages);
  }

  reject(rejected) {
    this.#rejected.push(rejected);
  }

  finish(messages) {
    return {
      targets: this.#targets.finish(),
      payloads: this.#payloads.finish(),
      origins: this.#origins.finish(messages),
      ids: this.#ids.finishOptional(this.#targets.count),
      operations: new Uint8Array(this.#operations),
      orders: new BigUint64Array(this.#orders),
      rejected: this.#rejected,
      extra: [],
    };
  }

  #write({ operation, target, payload, id, order, from }, messages) {
    const place = this.#targets.count;
    this.#origins.push(placesOf(from ?? messages));
    this.#targets.push(target);
    this.#payloads.push(payload);
    if (id) this.#ids.set(place, id);
    this.#operations.push(operation);
    this.#orders.push(order);
  }
}

/** An output that a builder takes: checked, with its texts as bytes and its operation as a number. */
export function checked(made) {
  if (made instanceof Refusal) return made;
  if (!(made instanceof Write)) {
    throw new TypeError(`${what(made)} is no write: make one with upsert(), merge(), insert(), remove() or message.forward()`);
  }
  if (typeof made.target !== 'string') throw new TypeError(`a write's table is a text, not ${what(made.target)}`);
  const operation = OPERATIONS.indexOf(made.operation);
  if (operation < 0) throw new TypeError(`there is no operation ${what(made.operation)}: there are ${OPERATIONS.join(', ')}`);
  const id = idBytes(made.id, ID_BYTES_MAX, 'a document id');
  return Object.assign(made, { operation, id, order: BigInt(made.order), payload: payloadBytes(made.payload) });
}
