// A connector's own settings: the table `config` of the pipeline file, read by a schema.
import { Configuration } from './errors.js';

const setting = (kind, fits) => (options = {}) => ({ kind, fits, ...options });

export const text = setting('a text', (value) => typeof value === 'string');
export const flag = setting('true or false', (value) => typeof value === 'boolean');
export const number = setting('a number', (value) => typeof value === 'number');
export const integer = setting('a whole number', Number.isSafeInteger);
export const json = setting('any value', () => true);

export function choice(values, options = {}) {
  return { kind: `one of ${values.map((value) => `\`${value}\``).join(', ')}`, fits: (value) => values.includes(value), ...options };
}

export function list(of, options = {}) {
  return { kind: `a list, each ${of.kind}`, fits: (value) => Array.isArray(value) && value.every(of.fits), ...options };
}

/** The settings that a schema makes of the host's. Names are `keyField` here and `key_field` in the pipeline file. */
export function readSettings(schema, given, connector) {
  const config = given ?? {};
  const names = new Map(Object.keys(schema).map((name) => [snake(name), name]));
  const unknown = Object.keys(config).filter((key) => !names.has(key));
  if (unknown.length > 0) throw new Configuration(unknownKeys(unknown, [...names.keys()], connector));
  return Object.fromEntries([...names].map(([key, name]) => [name, value(schema[name], config[key], key, connector)]));
}

function value(schema, given, key, connector) {
  const what = `the setting \`${key}\` of \`${connector}\``;
  if (given === undefined || given === null) {
    if (!('default' in schema)) throw new Configuration(`${what} is missing: it is ${schema.kind}`);
    return schema.default;
  }
  if (!schema.fits(given)) {
    throw new Configuration(`${what} is ${schema.kind}, not ${JSON.stringify(given)}`);
  }
  return given;
}

function unknownKeys(unknown, known, connector) {
  const quoted = (names) => names.map((name) => `\`${name}\``).join(', ');
  const listed = known.length > 0 ? `known are ${quoted(known)}` : 'it has none';
  return `unknown setting ${quoted(unknown)} of \`${connector}\`: ${listed}`;
}

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** What the host configures a connector with, parsed. */
export function parseConfiguration({ connector, settings }) {
  try {
    return { connector, ...JSON.parse(settings) };
  } catch (error) {
    throw new Configuration(`the settings of \`${connector}\` are not JSON: ${error.message}`);
  }
}
