// The host of a test: the harness answers.
import { HttpError } from '../http/error.js';

export const current = { answer: undefined };

/** Calls something with this in the host's place. */
export function withAnswers(answer, call) {
  current.answer = answer;
  try {
    return call();
  } finally {
    current.answer = undefined;
  }
}

export function send(request) {
  if (!current.answer) {
    throw new HttpError('nothing answers in this test: give the harness `http`, a function from a request to an answer');
  }
  return current.answer(request);
}
