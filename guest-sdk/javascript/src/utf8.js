// UTF-8 for engines that have no TextEncoder. What a loop in JavaScript would do a byte at a time, `String.fromCharCode`,
// a regular expression and the URI functions do inside the engine.

/** Bytes that `String.fromCharCode` takes at once: engines limit the number of arguments. */
const CHUNK = 4096;
const NOT_ASCII = /[^\0-\x7f]/;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** The text with U+FFFD for halves of surrogate pairs: UTF-8 has none, and engines trap on them. */
export function wellFormed(text) {
  return text.replace(LONE_SURROGATE, '\ufffd');
}

/** Bytes as text, or undefined if they are not UTF-8. */
export function decode(bytes) {
  const text = oneCharAByte(bytes);
  if (!NOT_ASCII.test(text)) return text;
  try {
    return decodeURIComponent(escape(text));
  } catch {
    return undefined;
  }
}

/** Text as a string of one character a byte. */
export function bytesOf(text) {
  return NOT_ASCII.test(text) ? unescape(encodeURIComponent(wellFormed(text))) : text;
}

/** Text as bytes. */
export function encode(text) {
  const bytes = bytesOf(text);
  const encoded = new Uint8Array(bytes.length);
  put(bytes, encoded, 0);
  return encoded;
}

/** Writes what `bytesOf` made. */
export function put(bytes, into, at) {
  for (let i = 0; i < bytes.length; i++) into[at + i] = bytes.charCodeAt(i);
}

function oneCharAByte(bytes) {
  if (bytes.length <= CHUNK) return String.fromCharCode.apply(null, bytes);
  let text = '';
  for (let from = 0; from < bytes.length; from += CHUNK) {
    text += String.fromCharCode.apply(null, bytes.subarray(from, from + CHUNK));
  }
  return text;
}
