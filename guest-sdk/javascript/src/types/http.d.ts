import type { Retryable } from './errors.js';
import type { Pairs } from './input.js';

export interface RequestOptions {
  /** Headers. One whose value is `secret:NAME` is sent with the credential of that name, which the component never sees. */
  headers?: Record<string, string> | undefined;
  /** How long it may take, with its answer, in milliseconds; no longer than `grants.http.request_timeout_ms` in any case. */
  timeoutMs?: number | undefined;
}

export interface BodyOptions extends RequestOptions {
  /** A body that is spelled as JSON, with its `content-type`. */
  json?: unknown;
}

/** An answer, whatever its status. */
export interface Response {
  /** Whose answer it is: after redirects another one than was asked. */
  readonly url: string;
  /** Such as 200. */
  readonly status: number;
  /** Whether the status is of 200 to 299. */
  readonly ok: boolean;
  /** Those that are text, names in lower case, of several with one name the first. */
  readonly headers: Pairs;
  readonly body: Uint8Array;
  /** A header by its name in lower case. */
  header(name: string): string | undefined;
  /** The body as text. `HttpError` if it is not UTF-8. */
  text(): string;
  /** The body as JSON. `HttpError` if it is not. */
  json<T = any>(): T;
}

/** Why a request has no answer: the host's sentence. What was not answered may be answered later: uncaught, it makes the host call
 * again. */
export declare class HttpError extends Retryable {}

/** Requests to the hosts that the pipeline file grants the connector (`grants.http`). Each gives its whole answer, or throws
 * `HttpError`. Redirects of a GET are followed: each is a request of its own, which must be granted, too. */
export declare const http: {
  /** Asks an absolute URL. */
  get(url: string, options?: RequestOptions): Response;
  /** Sends a body to an absolute URL. */
  post(url: string, body: string | Uint8Array, options?: RequestOptions): Response;
  request(method: string, url: string, options?: BodyOptions & { body?: string | Uint8Array | undefined }): Response;
};
