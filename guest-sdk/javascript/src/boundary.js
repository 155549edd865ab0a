// Between the contract's functions and an author's: nothing but a failure of the contract leaves a component.
import { ConnectorError, Fatal, InvalidData, Unsupported } from './errors.js';
import { rejection } from './columns/outputs.js';
import { logUncaught, told } from './uncaught.js';
import { wellFormed } from './utf8.js';

/** Runs a function of the contract. What it throws becomes a `failure`, thrown. An error that nobody meant is fatal, because a
 * second try would meet it again, or of another kind. */
export function call(what, run, Uncaught = Fatal) {
  try {
    return run();
  } catch (error) {
    throw failure(what, error, Uncaught);
  }
}

/** A `failure` of the contract. */
function failure(what, error, Uncaught) {
  if (!(error instanceof ConnectorError)) {
    logUncaught(what, error);
    error = new Uncaught(`${what}: ${told(error)}`);
  }
  const { kind, code, message, retryAfterMs } = error;
  return { kind, code, message: wellFormed(message), retryAfterMs };
}

/** The outputs of one input, or its rejection. Errors of the kinds that concern a whole batch are thrown on. */
export function oneInput(what, place, make) {
  try {
    return { outputs: make() };
  } catch (error) {
    if (error instanceof InvalidData) {
      return { rejected: rejection(place, error.message, error instanceof Unsupported) };
    }
    if (error instanceof ConnectorError) throw error;
    logUncaught(what, error);
    return { rejected: rejection(place, told(error), false) };
  }
}

/** What an author's function returned, as an array. */
export function listed(made, what) {
  if (made === undefined || made === null) return [];
  if (typeof made.then === 'function') {
    throw new TypeError(`${what} returned a promise: a connector has nothing to wait for, make it an ordinary function`);
  }
  return typeof made[Symbol.iterator] === 'function' ? [...made] : [made];
}

