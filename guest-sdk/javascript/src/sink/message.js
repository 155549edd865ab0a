// Messages as the host sent them.
import { blob, extra, label, pairs, text } from '../columns/read.js';
import { Input } from '../input.js';
import { forward } from './write.js';

/** What a sink can ask for. */
export const MESSAGE_COLUMNS = ['ids', 'keys', 'attributes', 'publishTimes', 'producers', 'schemas', 'orders'];

export class Message extends Input {
  #batch;
  #tables;

  constructor(batch, place, tables) {
    super(batch, place);
    this.#batch = batch;
    this.#tables = tables;
  }

  get topic() {
    return label(this.#batch.topics, this.place);
  }

  get table() {
    return this.#tables.get(this.topic);
  }

  get id() {
    return text(this.#batch.ids, this.place);
  }

  get key() {
    return text(this.#batch.keys, this.place) || undefined;
  }

  get keyBytes() {
    return blob(this.#batch.keys, this.place);
  }

  get publishedMs() {
    return Number(this.#batch.publishTimes[this.place] ?? 0);
  }

  get producer() {
    return label(this.#batch.producers, this.place);
  }

  get schema() {
    const schema = label(this.#batch.schemas, this.place);
    const at = schema.lastIndexOf('@');
    if (schema === '') return undefined;
    return at < 0 ? { subject: schema, version: 0 } : { subject: schema.slice(0, at), version: Number(schema.slice(at + 1)) };
  }

  get attributes() {
    return pairs(this.#batch.attributes, this.place);
  }

  get order() {
    return this.#batch.orders?.[this.place] ?? BigInt(this.publishedMs);
  }

  forward(table, options = {}) {
    return forward(this, table, options);
  }
}

/** A batch with its orders as bigints: an engine's numbers have 53 bits, and an order has 64. */
export function withOrders(batch) {
  const bytes = extra(batch, 'order-bytes', 'blobs')?.bytes;
  const numbers = extra(batch, 'orders', 'numbers');
  if (bytes) batch.orders = new BigUint64Array(bytes.slice().buffer);
  else if (numbers) batch.orders = Array.from(numbers, BigInt);
  return batch;
}
