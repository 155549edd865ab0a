// Requests to the hosts that the pipeline file grants the connector (`grants.http`).
import { encode } from '#host';
import { send } from '#http';
import { payloadOf } from '../outputs.js';
import { HttpError } from './error.js';
import { Response } from './response.js';
import { join, split } from './url.js';

/** Most redirects that are followed. */
const REDIRECTS_MAX = 5;
const MOVED = [301, 302, 303, 307, 308];

export const http = {
  get: (url, options) => request('GET', url, options),
  post: (url, body, options) => request('POST', url, { ...options, body }),
  request,
};

/** Makes a request, and gives its whole answer. Redirects of a GET are followed: each is a request of its own. */
function request(method, url, { headers = {}, body = '', json, timeoutMs } = {}) {
  let asked = { method, url, headers: { ...headers }, body: bytesOf(body), timeoutMs };
  if (json !== undefined) asked = { ...asked, ...jsonOf(json, headers) };
  for (let i = 0; i <= REDIRECTS_MAX; i++) {
    split(asked.url);
    const response = new Response(asked.url, send(asked));
    const location = response.header('location');
    if (method !== 'GET' || !MOVED.includes(response.status) || location === undefined) return response;
    asked = { ...asked, url: join(asked.url, location) };
  }
  throw new HttpError(`more than ${REDIRECTS_MAX} redirects, the last to ${asked.url}`);
}

function bytesOf(body) {
  if (typeof body === 'string') return encode(body);
  if (body instanceof Uint8Array) return body;
  throw new TypeError('a body is a text or bytes: give a value as `json`');
}

/** A body that is JSON, with its media type unless another is given. */
function jsonOf(value, headers) {
  const isNamed = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
  const body = payloadOf(value);
  return {
    body: typeof body === 'string' ? encode(body) : body,
    headers: isNamed ? { ...headers } : { ...headers, 'content-type': 'application/json' },
  };
}
