// Names of a component's imports. QuickJS's build runs the connector once in a host of its own, which has `wasi:io` and lets every
// interface that it does not know trap: `wasi:http` would be given streams of another type than those that it names. So the WIT
// here calls the `wasi:io` of `wasi:http` by a name of its own, and the finished component is given the right one. The version of
// that differs from the engine's, because a component imports a name once; that of `wasi:http` is not below the engine's, because
// the build takes the newer text of two.

const OWN = 'http:io/';
const STANDARD = 'wasi:io/';

/** Bytes before the first section of a component. */
const HEADER = 8;
/** Of component sections, the one that has imports. */
const IMPORTS = 10;

/** The component with the standard names. Both are as long, so that nothing moves. */
export function withStandardNames(component) {
  const bytes = Buffer.from(component);
  for (let at = HEADER; at < bytes.length; ) {
    const { value: size, next: begin } = leb(bytes, at + 1);
    if (bytes[at] === IMPORTS) rename(bytes.subarray(begin, begin + size));
    at = begin + size;
  }
  return bytes;
}

function rename(section) {
  for (let at = section.indexOf(OWN); at !== -1; at = section.indexOf(OWN, at + 1)) section.write(STANDARD, at);
}

/** An unsigned number of a section, and what comes after it. */
function leb(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, next: at };
  }
}
