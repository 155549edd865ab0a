// A source in a test.
import { blob, label, pairs, text } from '../columns/read.js';
import { DEFINITION } from '../input.js';
import { Source } from '../source/index.js';
import * as columns from './columns.js';
import { Payload, configured, listening } from './harness.js';

/** An event to give a source. */
export const incoming = (endpoint, payload, more = {}) => ({ endpoint, payload, ...more });

/** A fresh instance of a source. `endpoints` is a list as in the pipeline file, or `{ path: topic }`. With `texts: false`
 * it is that of a host which sends payloads as bytes alone. */
export function sourceHarness(source, { endpoints = [], config, texts = true } = {}) {
  const listed = Array.isArray(endpoints) ? endpoints : Object.entries(endpoints).map(([path, topic]) => ({ path, danube_topic: topic }));
  return new SourceHarness(source[DEFINITION], configured({ endpoints: listed, config }), texts);
}

class SourceHarness {
  #exports;

  constructor(definition, configuration, texts) {
    this.#exports = new Source(definition).exports();
    const wants = listening(() => this.#exports.initialize(configuration)).returned;
    this.wants = wants.filter((name) => texts || name !== 'texts');
  }

  producerConfigs() {
    const configs = listening(() => this.#exports.producerConfigs()).returned;
    return configs.map(({ topic, partitions, reliableDispatch }) => ({ topic, partitions, reliableDispatch }));
  }

  poll(...events) {
    const payloads = events.map(({ payload }) => columns.payloadOf(payload));
    const batch = eventBatch(events, payloads, (name) => this.wants.includes(name));
    const { returned, logs, metrics } = listening(() => this.#exports.poll(batch));
    return { ...readBack(returned, payloads), logs, metrics };
  }
}

function eventBatch(events, payloads, wants) {
  const column = (name, make, empty, value) => (wants(name) ? make(events.map(value)) : empty);
  const { blobs, labels, numbers, attributes, none } = columns;
  const sent = wants('texts') ? columns.withTexts(payloads) : { payloads: blobs(payloads), extra: [] };
  return {
    endpoints: labels(events.map(({ endpoint }) => endpoint)),
    payloads: sent.payloads,
    ids: column('ids', blobs, none.blobs, ({ id = '' }) => id),
    keys: column('keys', blobs, none.blobs, ({ key = '' }) => key),
    contentTypes: column('content-types', labels, none.labels, ({ contentType = '' }) => contentType),
    received: column('received', numbers, none.numbers, ({ receivedMs = 0 }) => receivedMs),
    attributes: column('attributes', attributes, none.attributes, ({ attributes = {} }) => attributes),
    headers: column('headers', attributes, none.attributes, ({ headers = {} }) => headers),
    extra: sent.extra,
  };
}

function readBack(batch, inputs) {
  const payloads = columns.payloads(batch.payloads, batch.topics.index.length, inputs);
  const records = payloads.map((bytes, i) => ({
    topic: label(batch.topics, i),
    payload: new Payload(bytes),
    forwarded: batch.payloads.reuse[i] > 0,
    origins: columns.origins(batch.origins, i),
    id: text(batch.ids, i) || undefined,
    key: text(batch.keys, i) || undefined,
    keyBytes: blob(batch.keys, i),
    attributes: pairs(batch.attributes, i),
  }));
  return {
    records: columns.kept(records, batch.rejected),
    refused: columns.refused(batch.rejected),
    answers: batch.answers.map(({ body, ...answer }) => ({ ...answer, body: new Payload(body) })),
  };
}
