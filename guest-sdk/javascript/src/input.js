// What events and messages have in common: a payload in a column, and names of columns that a connector asks for.
import { decode, encode, wantsTexts } from '#host';
import { blob, extra, label } from './columns/read.js';
import { InvalidData } from './errors.js';

/** Where a harness finds what a connector was made of. */
export const DEFINITION = Symbol('danube-connector.definition');

/** The payload of one input. */
export class Input {
  #batch;

  constructor(batch, place) {
    this.#batch = batch;
    this.place = place;
  }

  /** As it came. A view into the batch: copy it to keep it. */
  bytes() {
    const bytes = blob(this.#batch.payloads, this.place);
    return this.#batch.texts && bytes.length === 0 ? encode(label(this.#batch.texts, this.place)) : bytes;
  }

  text() {
    return this.#text('');
  }

  json() {
    const text = this.#text('not JSON: ');
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new InvalidData(`not JSON: ${error.message}`);
    }
  }

  // Where the host sends payloads as strings, it sends as bytes only those that are none.
  #text(refusal) {
    const { texts, payloads } = this.#batch;
    const bytes = blob(payloads, this.place);
    if (texts && bytes.length === 0) return label(texts, this.place);
    const text = texts ? undefined : decode(bytes);
    if (text === undefined) throw new InvalidData(`${refusal}the payload is not UTF-8`);
    return text;
  }
}

/** A batch with its payloads as strings, where the host sent them so. */
export function withTexts(batch) {
  batch.texts = extra(batch, 'texts', 'labels');
  return batch;
}

/** The interests of the contract: `contentTypes` is `content-types` there. */
export function interests(wanted, known, what) {
  for (const name of wanted) {
    if (!known.includes(name)) throw new TypeError(`${what} cannot want \`${name}\`: there are ${known.join(', ')}`);
  }
  const names = wanted.map((name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
  return wantsTexts ? [...names, 'texts'] : names;
}
