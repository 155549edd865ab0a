// Why a request has no answer.
import { Retryable } from '../errors.js';

/** The host's sentence. What was not answered may be answered later: uncaught, it makes the host call again. */
export class HttpError extends Retryable {}
