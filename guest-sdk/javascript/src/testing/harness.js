// What both harnesses have in common: a host that listens, and failures as errors.
import { listeners } from '#host';
import { Configuration, Fatal, InvalidData, Retryable } from '../errors.js';

/** Calls a function of the contract and gives what it logged and counted beside what it returned. */
export function listening(call) {
  const heard = { logs: [], metrics: [] };
  listeners.log = (level, line) => heard.logs.push({ level, line });
  listeners.metric = (kind, name, value) => heard.metrics.push({ kind, name, value });
  try {
    return { ...heard, returned: call() };
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
