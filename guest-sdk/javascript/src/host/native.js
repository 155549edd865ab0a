// The host of a test: none. Lines go to the console, numbers and lines to whoever listens.

export const listeners = { log: undefined, metric: undefined };

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

export const inSandbox = false;
export const wantsTexts = true;

export function decode(bytes) {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

export const encode = (text) => encoder.encode(text);
export const enabled = () => true;
export const logLine = (level, line) => (listeners.log ?? print)(level, line);
export const counterAdd = (name, value) => listeners.metric?.('add', name, value);
export const gaugeSet = (name, value) => listeners.metric?.('set', name, value);
export const observe = (name, value) => listeners.metric?.('observe', name, value);
export const randomU64 = () => 0n;

function print(level, line) {
  (level === 'error' ? console.error : console.log)(`${level}: ${line}`);
}
