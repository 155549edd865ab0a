// A component that was transpiled to JavaScript, and calls of it with records as people write them.

import { attributes, attributesOf, blob, blobs, label, labels, origins, text } from './columns.js';

const OPERATIONS = ['insert', 'upsert', 'merge', 'delete'];
const NO_COLUMN = { ends: new Uint32Array(), bytes: new Uint8Array() };
const NO_LABELS = { names: [], index: new Uint32Array() };
const NO_ATTRIBUTES = { ends: new Uint32Array(), names: NO_COLUMN, values: NO_COLUMN };

/** Bytes as JSON, else as text. */
export function readable(bytes) {
  const written = text(bytes);
  try {
    return JSON.parse(written);
  } catch {
    return written;
  }
}

/**
 * `program` is what the transpiler made: `instantiate`, and `core`, which compiles a core module by its name. `wasi` has
 * the imports that the component's language needs.
 */
export class Connector {
  #program;
  #wasi;
  #role;

  constructor(program, wasi, role) {
    this.#program = program;
    this.#wasi = wasi;
    this.#role = role;
  }

  /** Calls a new instance with these inputs. Returns what came of each, and what the component said. */
  async call(inputs, settings, name = 'playground') {
    const said = { lines: [], metrics: [] };
    const imports = { ...this.#wasi, ...host(said) };
    const result = { outputs: [], rejected: [], answers: [], ...said };
    let exports;
    try {
      const instance = await this.#program.instantiate(this.#program.core, imports);
      exports = this.#role === 'source' ? instance.source : instance.sink;
      const wants = exports.initialize({ connector: name, settings: JSON.stringify(settings) });
      if (this.#role === 'source') {
        events(exports.poll(eventBatch(inputs, wants)), inputs, result);
      } else {
        writes(exports.processBatch(messageBatch(inputs, wants)), inputs, result);
      }
    } catch (error) {
      Object.assign(result, failed(error));
    }
    return result;
  }
}

/** What the host offers: a log and metrics, kept for whoever looks on. */
function host(said) {
  return {
    'danube:connector/log': {
      enabled: (level) => level !== 'trace' && level !== 'debug',
      log: (level, message) => said.lines.push({ level, message }),
    },
    'danube:connector/metrics': {
      counterAdd: (name, value) => said.metrics.push({ counter: name, add: Number(value) }),
      gaugeSet: (name, value) => said.metrics.push({ gauge: name, value }),
      observe: (name, value) => said.metrics.push({ histogram: name, value }),
    },
  };
}

/** A failure that the component reported, or a trap. */
function failed(error) {
  // The transpiler throws what a `result` has for its error, as it is or within an error of its own.
  const payload = error?.payload ?? error;
  if (typeof payload?.kind === 'string') return { failure: { kind: payload.kind, code: payload.code, message: payload.message } };
  return { trap: String(error?.message ?? error) };
}

const payloadOf = (input) => ('text' in input ? String(input.text) : JSON.stringify(input.payload));
const ifWanted = (wants, name, column, without) => (wants.includes(name) ? column() : without);

/** As the host gives events to a source: columns that the component did not ask for stay empty. */
function eventBatch(inputs, wants) {
  return {
    endpoints: labels(inputs.map((input) => input.endpoint ?? '/')),
    payloads: blobs(inputs.map(payloadOf)),
    ids: ifWanted(wants, 'ids', () => blobs(inputs.map((input, i) => input.id ?? String(i))), NO_COLUMN),
    keys: ifWanted(wants, 'keys', () => blobs(inputs.map((input) => input.key ?? '')), NO_COLUMN),
    contentTypes: ifWanted(
      wants,
      'content-types',
      () => labels(inputs.map((input) => input.content_type ?? 'application/json')),
      NO_LABELS,
    ),
    received: ifWanted(wants, 'received', () => BigUint64Array.from(inputs, () => BigInt(Date.now())), new BigUint64Array()),
    attributes: ifWanted(wants, 'attributes', () => attributes(inputs.map((input) => input.attributes)), NO_ATTRIBUTES),
    headers: ifWanted(wants, 'headers', () => attributes(inputs.map((input) => input.headers)), NO_ATTRIBUTES),
    extra: [],
  };
}

/** As the host gives messages to a sink. */
function messageBatch(inputs, wants) {
  return {
    topics: labels(inputs.map((input) => input.topic ?? '/default/topic')),
    payloads: blobs(inputs.map(payloadOf)),
    ids: ifWanted(wants, 'ids', () => blobs(inputs.map((input, i) => input.id ?? String(i))), NO_COLUMN),
    keys: ifWanted(wants, 'keys', () => blobs(inputs.map((input) => input.key ?? '')), NO_COLUMN),
    publishTimes: ifWanted(
      wants,
      'publish-times',
      () => BigUint64Array.from(inputs, () => BigInt(Date.now())),
      new BigUint64Array(),
    ),
    producers: ifWanted(wants, 'producers', () => labels(inputs.map((input) => input.producer ?? 'playground')), NO_LABELS),
    schemas: ifWanted(wants, 'schemas', () => labels(inputs.map((input) => input.schema ?? '')), NO_LABELS),
    attributes: ifWanted(wants, 'attributes', () => attributes(inputs.map((input) => input.attributes)), NO_ATTRIBUTES),
    extra: [],
  };
}

/** The payloads of a batch: new ones, and those that are an input's own. */
function* payloads(column, inputs) {
  const count = column.reuse.length || column.bytes.ends.length;
  let taken = 0;
  for (let i = 0; i < count; i += 1) {
    const input = column.reuse.length ? column.reuse[i] : 0;
    if (input > 0) {
      yield new TextEncoder().encode(payloadOf(inputs[input - 1]));
    } else {
      yield blob(column.bytes, taken);
      taken += 1;
    }
  }
}

function events(batch, inputs, result) {
  let i = 0;
  for (const payload of payloads(batch.payloads, inputs)) {
    const output = { from: origins(batch.origins, i), topic: label(batch.topics, i) };
    keep(output, batch, i);
    const own = attributesOf(batch.attributes, i);
    if (Object.keys(own).length) output.attributes = own;
    result.outputs.push({ ...output, payload: readable(payload) });
    i += 1;
  }
  result.answers = batch.answers.map((answer) => ({
    from: [answer.origin],
    status: answer.status,
    content_type: answer.contentType,
    text: text(answer.body),
  }));
  refused(batch, result);
}

function writes(batch, inputs, result) {
  let i = 0;
  for (const payload of payloads(batch.payloads, inputs)) {
    const output = {
      from: origins(batch.origins, i),
      write: OPERATIONS[batch.operations[i] ?? 0] ?? '?',
      target: label(batch.targets, i),
    };
    keep(output, batch, i);
    result.outputs.push({ ...output, payload: readable(payload) });
    i += 1;
  }
  refused(batch, result);
}

/** Id and key, where the component gave them. */
function keep(output, batch, i) {
  const id = text(blob(batch.ids, i));
  if (id) output.id = id;
  const key = batch.keys && text(blob(batch.keys, i));
  if (key) output.key = key;
}

function refused(batch, result) {
  result.rejected = batch.rejected.map((rejection) => ({
    from: [rejection.origin],
    rejected: rejection.kind === 1 ? 'unsupported' : 'invalid-data',
    message: rejection.message,
  }));
}
