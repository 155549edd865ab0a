// What both harnesses have in common: a host that listens, and failures as errors.
import { listeners } from '#host';
import { withAnswers } from '#http';
import { Configuration, Fatal, InvalidData, Retryable } from '../errors.js';
import { HttpError } from '../http/error.js';

/** Calls a function of the contract and gives what it logged and counted beside what it returned. `answer` is what answers its
 * requests. */
export function listening(call, answer) {
  const heard = { logs: [], metrics: [] };
  listeners.log = (level, line) => heard.logs.push({ level, line });
  listeners.metric = (kind, name, value) => heard.metrics.push({ kind, name, value });
  try {
    return { ...heard, returned: withAnswers(answer, call) };
  } catch (failure) {
    throw failure instanceof Error ? failure : errorOf(failure);
  } finally {
    listeners.log = listeners.metric = undefined;
  }
}

/** A failure of the contract as the error that it was. */
function errorOf({ kind, code, message, retryAfterMs }) {
  switch (kind) {
    case 'retryable':
      return new Retryable(message, retryAfterMs, { code });
    case 'configuration':
      return new Configuration(message, { code });
    case 'invalid-data':
      return new InvalidData(message, { code });
    default:
      return new Fatal(message, { code });
  }
}

/** The configuration that a harness gives: JSON text, as the host's. */
export const configured = (settings) => ({ connector: 'under-test', settings: JSON.stringify(settings) });

/** A payload with ways to look at it. */
export class Payload {
  constructor(bytes) {
    this.bytes = bytes;
  }

  get text() {
    return new TextDecoder().decode(this.bytes);
  }

  get json() {
    return JSON.parse(this.text);
  }
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const bytesOf = (body) => (body instanceof Uint8Array ? body : encoder.encode(typeof body === 'string' ? body : JSON.stringify(body)));

/** What answers requests: a function, or answers by URL. What was asked goes to `requests`. */
export function answerer(http, requests) {
  if (http === undefined) return undefined;
  return ({ body, ...request }) => {
    const asked = { ...request, body: new Payload(body) };
    requests.push(asked);
    const { status = 200, headers = {}, body: answer = '' } = typeof http === 'function' ? http(asked) : byUrl(http, asked.url);
    return { status, headers, body: bytesOf(answer) };
  };
}

function byUrl(answers, url) {
  if (!Object.hasOwn(answers, url)) throw new HttpError(`\`${url}\` is not granted in this test`);
  return answers[url];
}

/** Values of a state: texts in a test, bytes for the connector. */
export const stateBytes = (values) => new Map(Object.entries(values).map(([key, value]) => [key, bytesOf(value)]));
export const stateTexts = (values) => Object.fromEntries([...values].map(([key, value]) => [key, decoder.decode(value)]));
