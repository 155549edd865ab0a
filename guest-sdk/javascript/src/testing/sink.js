// A sink in a test.
import { label, text } from '../columns/read.js';
import { DEFINITION } from '../input.js';
import { Sink } from '../sink/index.js';
import { OPERATIONS } from '../sink/write.js';
import * as columns from './columns.js';
import { Payload, answerer, configured, listening } from './harness.js';

/** A message to give a sink. */
export const delivered = (topic, payload, more = {}) => ({ topic, payload, ...more });

/** A fresh instance of a sink. `mappings` is a list as in the pipeline file, or `{ topic: table }`. With `texts: false` it
 * is that of a host which sends payloads as bytes alone. */
export function sinkHarness(sink, { mappings = [], config, http, texts = true } = {}) {
  const listed = Array.isArray(mappings) ? mappings : Object.entries(mappings).map(([topic, table]) => ({ topic, table, subscription: 'test' }));
  return new SinkHarness(sink[DEFINITION], configured({ topic_mappings: listed, config }), { http, texts });
}

class SinkHarness {
  #exports;
  #answer;

  constructor(definition, configuration, { http, texts }) {
    this.requests = [];
    this.#answer = answerer(http, this.requests);
    this.#exports = new Sink(definition).exports();
    const wants = listening(() => this.#exports.initialize(configuration)).returned;
    this.wants = wants.filter((name) => texts || name !== 'texts');
  }

  consumerConfigs() {
    const configs = listening(() => this.#exports.consumerConfigs()).returned;
    return configs.map(({ options, ...config }) => config);
  }

  process(...messages) {
    const payloads = messages.map(({ payload }) => columns.payloadOf(payload));
    const batch = messageBatch(messages, payloads, (name) => this.wants.includes(name));
    const { returned, logs, metrics } = listening(() => this.#exports.processBatch(batch), this.#answer);
    return { ...readBack(returned, payloads), logs, metrics };
  }
}

function messageBatch(messages, payloads, wants) {
  const column = (name, make, empty, value) => (wants(name) ? make(messages.map(value)) : empty);
  const { blobs, labels, numbers, attributes, none } = columns;
  const sent = wants('texts') ? columns.withTexts(payloads) : { payloads: blobs(payloads), extra: [] };
  const orders = { name: 'orders', values: { tag: 'numbers', val: numbers(messages.map(({ order = 0 }) => order)) } };
  return {
    topics: labels(messages.map(({ topic }) => topic)),
    payloads: sent.payloads,
    ids: column('ids', blobs, none.blobs, ({ id = '' }) => id),
    keys: column('keys', blobs, none.blobs, ({ key = '' }) => key),
    publishTimes: column('publish-times', numbers, none.numbers, ({ publishedMs = 0 }) => publishedMs),
    producers: column('producers', labels, none.labels, ({ producer = '' }) => producer),
    schemas: column('schemas', labels, none.labels, ({ schema = '' }) => schema),
    attributes: column('attributes', attributes, none.attributes, ({ attributes = {} }) => attributes),
    extra: wants('orders') ? [orders, ...sent.extra] : sent.extra,
  };
}

function readBack(batch, inputs) {
  const payloads = columns.payloads(batch.payloads, batch.targets.index.length, inputs);
  const writes = payloads.map((bytes, i) => ({
    operation: OPERATIONS[batch.operations[i] ?? 0],
    table: label(batch.targets, i),
    document: new Payload(bytes),
    forwarded: batch.payloads.reuse[i] > 0,
    origins: columns.origins(batch.origins, i),
    id: text(batch.ids, i) || undefined,
    order: batch.orders[i] ?? 0n,
  }));
  return { writes: columns.kept(writes, batch.rejected), refused: columns.refused(batch.rejected) };
}
