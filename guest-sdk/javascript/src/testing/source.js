// A source in a test.
import { blob, label, pairs, text } from '../columns/read.js';
import { DEFINITION } from '../input.js';
import { withState } from '#state';
import { PollingSource } from '../poll/index.js';
import { Source } from '../source/index.js';
import * as columns from './columns.js';
import { Payload, answerer, configured, listening, stateBytes, stateTexts } from './harness.js';

/** An event to give a source. */
export const incoming = (endpoint, payload, more = {}) => ({ endpoint, payload, ...more });

/** A fresh instance of a source. `endpoints` is a list as in the pipeline file, or `{ path: topic }`. With `texts: false`
 * it is that of a host which sends payloads as bytes alone. */
export function sourceHarness(source, { endpoints = [], config, http, texts = true } = {}) {
  const listed = Array.isArray(endpoints) ? endpoints : Object.entries(endpoints).map(([path, topic]) => ({ path, danube_topic: topic }));
  return new SourceHarness(new Source(source[DEFINITION]), configured({ endpoints: listed, config }), { http, texts });
}

/** A fresh instance of a polling source, with the state that earlier calls have left. */
export function pollerHarness(source, { topic, config, http, state = {}, texts = true }) {
  const configuration = configured({ endpoints: [{ path: POLL, danube_topic: topic }], config });
  return new PollerHarness(new PollingSource(source[DEFINITION]), configuration, { http, state, texts });
}

/** The endpoint of a source that fetches. */
const POLL = 'poll';

class SourceHarness {
  #exports;
  #answer;

  constructor(instance, configuration, { http, texts }) {
    this.requests = [];
    this.#answer = answerer(http, this.requests);
    this.#exports = instance.exports();
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
    const { returned, logs, metrics } = this.calling((exports) => exports.poll(batch));
    return { ...readBack(returned, payloads), logs, metrics };
  }

  /** Calls the component with what answers its requests. */
  calling(call) {
    return listening(() => call(this.#exports), this.#answer);
  }
}

class PollerHarness extends SourceHarness {
  constructor(instance, configuration, { state, ...given }) {
    super(instance, configuration, given);
    this.state = state;
  }

  fetch({ events = 100, bytes = 1024 * 1024 } = {}) {
    const { returned, logs, metrics } = this.calling((exports) => {
      const { returned: page, values } = withState(stateBytes(this.state), () => exports.fetch({ events, bytes }));
      this.state = stateTexts(values);
      return page;
    });
    return { events: fetched(returned), againAfterMs: returned.againAfterMs, logs, metrics };
  }

  pollPage({ events }) {
    return this.poll(...events.map(({ payload, keyBytes, ...event }) => ({ ...event, endpoint: POLL, payload: payload.bytes, key: keyBytes })));
  }
}

function fetched({ payloads, ids, keys, attributes }) {
  return Array.from(payloads.ends, (_, i) => ({
    payload: new Payload(blob(payloads, i)),
    id: text(ids, i) || undefined,
    key: text(keys, i) || undefined,
    keyBytes: blob(keys, i),
    attributes: pairs(attributes, i),
  }));
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
