// Requests over `wasi:http`, in a component whose world has it.
import { handle } from 'wasi:http/outgoing-handler@0.2.12';
import { Fields, OutgoingBody, OutgoingRequest, RequestOptions } from 'wasi:http/types@0.2.12';
import { decode, encode, u64 } from '#host';
import { HttpError } from '../http/error.js';
import { split } from '../http/url.js';

/** What is written and read at once, in bytes. */
const WRITE_BYTES = 4096;
const READ_BYTES = 64 * 1024;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'];
const SCHEMES = { http: { tag: 'HTTP' }, https: { tag: 'HTTPS' } };

/** One request and its whole answer. */
export function send(request) {
  const outgoing = outgoingOf(request);
  const body = outgoing.body();
  const future = attempt(() => handle(outgoing, optionsOf(request)), (error) => errorOf(error));
  write(body, request.body);
  const ready = future.subscribe();
  ready.block();
  drop(ready);
  const answer = future.get();
  drop(future);
  if (answer?.tag !== 'ok') throw new HttpError(`${request.method} ${request.url}: its answer was taken already`);
  if (answer.val.tag !== 'ok') throw errorOf(answer.val.val);
  return read(answer.val.val);
}

function outgoingOf({ method, url, headers }) {
  const refused = (what) => () => new HttpError(`${method} ${url}: ${what} is not one of HTTP`);
  const { scheme, authority, path } = split(url);
  const fields = Object.entries(headers).map(([name, value]) => [name, encode(String(value))]);
  const outgoing = new OutgoingRequest(attempt(() => Fields.fromList(fields), refused('a header')));
  const named = METHODS.includes(method) ? { tag: method.toLowerCase() } : { tag: 'other', val: method };
  attempt(() => outgoing.setMethod(named), refused('the method'));
  attempt(() => outgoing.setScheme(SCHEMES[scheme] ?? { tag: 'other', val: scheme }), refused('the scheme'));
  attempt(() => outgoing.setAuthority(authority), refused('the host'));
  attempt(() => outgoing.setPathWithQuery(path.startsWith('/') ? path : `/${path}`), refused('the path'));
  return outgoing;
}

function optionsOf({ timeoutMs }) {
  if (timeoutMs === undefined) return undefined;
  const options = new RequestOptions();
  options.setFirstByteTimeout(u64(Math.max(0, Math.round(timeoutMs * 1e6))));
  return options;
}

function write(body, content) {
  try {
    if (content.length > 0) {
      const stream = body.write();
      for (let at = 0; at < content.length; at += WRITE_BYTES) {
        stream.blockingWriteAndFlush(content.slice(at, at + WRITE_BYTES));
      }
      drop(stream);
    }
    OutgoingBody.finish(body, undefined);
  } catch {
    // The answer says why.
  }
}

function read(response) {
  const fields = response.headers();
  const headers = {};
  for (const [name, value] of fields.entries()) {
    const text = decode(value);
    const lower = name.toLowerCase();
    if (text !== undefined && !Object.hasOwn(headers, lower)) headers[lower] = text;
  }
  drop(fields);
  const status = response.status();
  const incoming = response.consume();
  const stream = incoming.stream();
  const body = readAll(stream);
  [stream, incoming, response].forEach(drop);
  return { status, headers, body };
}

function readAll(stream) {
  const chunks = [];
  for (;;) {
    try {
      chunks.push(stream.blockingRead(u64(READ_BYTES)));
    } catch (error) {
      const reason = error?.payload ?? error;
      if (reason?.tag === 'closed') return joined(chunks);
      throw reason?.tag === 'last-operation-failed' ? new HttpError(reason.val.toDebugString()) : error;
    }
  }
}

function joined(chunks) {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Why there is no answer, in the host's words. */
function errorOf(code) {
  const reason = code?.payload ?? code;
  if (reason?.tag === 'internal-error' && reason.val) return new HttpError(reason.val);
  return new HttpError(`the request failed: ${reason?.tag ?? reason}`);
}

function attempt(call, refusal) {
  try {
    return call();
  } catch (error) {
    throw refusal(error);
  }
}

/** Gives a resource back before those that it is a part of. */
function drop(resource) {
  resource[Symbol.dispose ?? Symbol.for('dispose')]?.();
}
