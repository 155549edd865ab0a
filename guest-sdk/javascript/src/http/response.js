// An answer, whatever its status.
import { decode } from '#host';
import { HttpError } from './error.js';

export class Response {
  constructor(url, { status, headers, body }) {
    Object.assign(this, { url, status, headers, body });
  }

  get ok() {
    return this.status >= 200 && this.status <= 299;
  }

  /** A header by its name in lower case. */
  header(name) {
    return Object.hasOwn(this.headers, name) ? this.headers[name] : undefined;
  }

  text() {
    const text = decode(this.body);
    if (text === undefined) throw new HttpError(`the answer of ${this.url} is not UTF-8`);
    return text;
  }

  json() {
    const text = this.text();
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new HttpError(`the answer of ${this.url} is not JSON: ${error.message}`);
    }
  }
}
