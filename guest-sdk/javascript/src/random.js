// Chance. A component's memory is a snapshot that was taken when it was built, with the state of the engine's own
// Math.random in it: every instance would draw the same numbers.
import { inSandbox, randomU64 } from '#host';

if (inSandbox) {
  Math.random = () => {
    throw new Error('Math.random() at the top of a module draws the same number in every instance: call it in `initialize`');
  };
}

/** Seeds Math.random from the host's chance: once for each instance. Where there is no host, it is left alone. */
export function seedRandom() {
  if (!inSandbox) return;
  const half = (n, shift) => Number((n >> shift) & 0xffffffffn);
  const [first, second] = [randomU64(), randomU64()];
  Math.random = generator([half(first, 0n), half(first, 32n), half(second, 0n), half(second, 32n) | 1]);
}

/** xoshiro128** (Blackman and Vigna), two draws for the 53 bits of a number from 0 to below 1. */
export function generator([a, b, c, d]) {
  const rotated = (n, by) => (n << by) | (n >>> (32 - by));
  const next = () => {
    const drawn = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotated(d, 11);
    return drawn;
  };
  return () => ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / 0x20000000000000;
}
