// Errors that a connector did not mean: what happened and where, in its author's files.
import { log } from './log.js';

/** Where the build leaves which line of which file each line of the bundle came from. */
const LINES = Symbol.for('danube-connector.lines');
const OWN = /(^|\/)danube-connector\/|^node:|<input>|\(native\)/;
const FRAME = /^\s*(?:at\s+)?(?:(.*?)\s*[(@]\s*)?((?:\w+:\/\/)?[^\s():@]+):(\d+)(?::\d+)?\)?$/;

/** Message and place, for whoever sent the input. */
export function told(error) {
  const place = frames(error).find(({ file }) => !OWN.test(file));
  const message = error instanceof Error ? error.message || error.name : String(error);
  return place ? `${message} (${place.file}:${place.line})` : message;
}

/** Logs an error with its stack, on one line: a log has lines. */
export function logUncaught(what, error) {
  const name = error instanceof Error ? error.name : 'thrown';
  const where = frames(error).map(({ fn, file, line }) => `${fn ? `${fn} ` : ''}${file}:${line}`);
  log.error(`${what}: ${name}: ${told(error)}${where.length > 0 ? `; at ${where.join(', ')}` : ''}`);
}

function frames(error) {
  const lines = String(error?.stack ?? '').split('\n');
  return lines.map(frame).filter((frame) => frame !== undefined);
}

function frame(text) {
  const [, fn = '', file, line] = FRAME.exec(text) ?? [];
  return file && { fn, ...source(file, Number(line)) };
}

/** The author's line behind a line of the bundle. */
function source(file, line) {
  const table = file.endsWith('.bundle.js') ? lineTable() : undefined;
  const at = table?.lines[line - 1];
  if (at) return { file: table.files[at[0]], line: at[1] };
  return { file: relative(file), line };
}

function lineTable() {
  if (typeof globalThis[LINES] === 'string') globalThis[LINES] = JSON.parse(globalThis[LINES]);
  return globalThis[LINES];
}

function relative(file) {
  const path = file.replace(/^file:\/\//, '');
  const here = globalThis.process?.cwd?.();
  return here && path.startsWith(`${here}/`) ? path.slice(here.length + 1) : path;
}
