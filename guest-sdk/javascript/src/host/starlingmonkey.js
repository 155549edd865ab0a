// The host behind StarlingMonkey: text has the engine's own codec, and a u64 is a bigint.
import { enabled as isEnabled, log as write } from 'danube:connector/log@0.1.0';
import { counterAdd as add, gaugeSet, observe } from 'danube:connector/metrics@0.1.0';
import { getRandomU64 } from 'wasi:random/random@0.2.6';
import { wellFormed } from '../utf8.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

export const inSandbox = true;
export const wantsTexts = false;

export function decode(bytes) {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

export const encode = (text) => encoder.encode(text);
export const enabled = (level) => isEnabled(level);
export const logLine = (level, line) => write(level, wellFormed(line));
export const counterAdd = (name, value) => add(name, BigInt(value));
export const randomU64 = () => getRandomU64();
export const u64 = BigInt;
export { gaugeSet, observe };
