// What a batch of outputs has beside its own columns: payloads, new ones and inputs' own; where each output came from; and
// inputs that are refused.
import { wellFormed } from '../utf8.js';
import { Blobs } from './write.js';

/** The payload of an input, which the host still has. */
export class InputPayload {
  constructor(place) {
    this.place = place;
  }
}

export class Payloads {
  #reuse = [];
  #reuses = false;
  #bytes = new Blobs();

  push(payload) {
    const isInput = payload instanceof InputPayload;
    this.#reuse.push(isInput ? payload.place + 1 : 0);
    if (isInput) this.#reuses = true;
    else this.#bytes.push(payload);
  }

  finish() {
    return { reuse: new Uint32Array(this.#reuses ? this.#reuse : []), bytes: this.#bytes.finish() };
  }
}

export class Origins {
  #ends = [];
  #index = [];

  push(places) {
    this.#index.push(...places);
    this.#ends.push(this.#index.length);
  }

  /** For an answer to so many inputs. Nothing is spelled out where output i came from input i. */
  finish(inputs) {
    const isOneEach = this.#ends.length === inputs && this.#index.length === inputs;
    if (isOneEach && this.#index.every((place, i) => place === i && this.#ends[i] === i + 1)) {
      return { ends: new Uint32Array(0), index: new Uint32Array(0) };
    }
    return { ends: new Uint32Array(this.#ends), index: new Uint32Array(this.#index) };
  }
}

/** A rejection of the contract. */
export function rejection(origin, message, isUnsupported) {
  return { origin, kind: isUnsupported ? 1 : 0, message: wellFormed(message) };
}
