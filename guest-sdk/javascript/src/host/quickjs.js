// The host behind QuickJS: text is coded in JavaScript, a u64 is a number, and there is no console.
import { enabled as isEnabled, log as write } from 'danube:connector/log@0.1.0';
import { counterAdd as add, gaugeSet, observe } from 'danube:connector/metrics@0.1.0';
import { getRandomU64 } from 'wasi:random/random@0.2.6';
import { decode, encode, wellFormed } from '../utf8.js';

// The host sends payloads as strings, too: the engine reads those without a loop in JavaScript.
export const inSandbox = true;
export const wantsTexts = true;

export const enabled = (level) => isEnabled(level);
export const logLine = (level, line) => write(level, wellFormed(line));
export const counterAdd = (name, value) => add(name, Number(value));
export const randomU64 = () => BigInt(getRandomU64());
export const u64 = Number;
export { decode, encode, gaugeSet, observe };

const line = (level) => (...parts) => logLine(level, parts.map(spelled).join(' '));

globalThis.console ??= {
  log: line('info'),
  info: line('info'),
  debug: line('debug'),
  trace: line('trace'),
  warn: line('warn'),
  error: line('error'),
};

function spelled(part) {
  if (part instanceof Error) return `${part}`;
  return typeof part === 'object' ? JSON.stringify(part) : String(part);
}
