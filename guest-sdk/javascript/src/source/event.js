// Events as the host sent them.
import { blob, label, pairs, text } from '../columns/read.js';
import { Input } from '../input.js';
import { forward } from './record.js';

/** What a source can ask for. */
export const EVENT_COLUMNS = ['ids', 'keys', 'attributes', 'headers', 'contentTypes', 'received'];

export class Event extends Input {
  #batch;
  #topics;

  constructor(batch, place, topics) {
    super(batch, place);
    this.#batch = batch;
    this.#topics = topics;
  }

  get endpoint() {
    return label(this.#batch.endpoints, this.place);
  }

  get topic() {
    return this.#topics.get(this.endpoint);
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

  get contentType() {
    return label(this.#batch.contentTypes, this.place);
  }

  get receivedMs() {
    return Number(this.#batch.received[this.place] ?? 0);
  }

  get attributes() {
    return pairs(this.#batch.attributes, this.place);
  }

  get headers() {
    return pairs(this.#batch.headers, this.place);
  }

  forward(options = {}) {
    return forward(this, options);
  }
}
