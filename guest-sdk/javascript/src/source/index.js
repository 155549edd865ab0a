// Sources: events from the outside world become records for topics.
import { call, listed, oneInput } from '../boundary.js';
import { Configuration, Fatal } from '../errors.js';
import { DEFINITION, interests, withTexts } from '../input.js';
import { seedRandom } from '../random.js';
import { parseConfiguration, readSettings } from '../settings.js';
import { RecordBuilder, checked } from './builder.js';
import { EVENT_COLUMNS, Event } from './event.js';

/** The export `source` of a component. */
export function defineSource(definition) {
  return { ...new Source(definition).exports(), [DEFINITION]: definition };
}

/** One instance of a source. */
export class Source {
  #definition;
  #context;
  #topics;

  constructor(definition) {
    if (typeof (definition.event ?? definition.events) !== 'function') {
      throw new TypeError('a source has a function `event`, or `events` for whole batches');
    }
    this.#definition = definition;
  }

  /** What the connector's functions are given. */
  get context() {
    return this.#context;
  }

  exports() {
    return {
      initialize: (configuration) => call('initialize', () => this.#initialize(configuration)),
      producerConfigs: () => call('producerConfigs', () => this.#producerConfigs()),
      poll: (batch) => call('events', () => this.#poll(withTexts(batch))),
    };
  }

  #initialize(configuration) {
    if (this.#context) throw new Fatal('`initialize` was called twice on one instance');
    seedRandom();
    const { settings = {}, wants = EVENT_COLUMNS, initialize } = this.#definition;
    const given = parseConfiguration(configuration);
    const wanted = interests(wants, EVENT_COLUMNS, 'a source');
    const context = {
      connector: given.connector,
      settings: readSettings(settings, given.config, given.connector),
      endpoints: (given.endpoints ?? []).map(endpoint),
    };
    this.#topics = new Map(context.endpoints.map(({ path, topic }) => [path, topic]));
    context.state = initialize?.(context);
    this.#context = context;
    return wanted;
  }

  #producerConfigs() {
    const { producerConfigs } = this.#definition;
    const configs = producerConfigs?.(this.#context) ?? endpointTopics(this.#context.endpoints);
    return configs.map(({ topic, partitions = 0, reliableDispatch = true }) => ({ topic, partitions, reliableDispatch, options: [] }));
  }

  #poll(batch) {
    const events = Array.from({ length: batch.payloads.ends.length }, (_, place) => new Event(batch, place, this.#topics));
    const records = new RecordBuilder();
    const { event: each, events: all } = this.#definition;
    if (all) listed(all(events, this.#context), 'events()').forEach((made) => records.push(checked(made)));
    else for (const event of events) this.#event(each, event, records);
    return records.finish(events.length);
  }

  #event(each, event, records) {
    const made = oneInput('event', event.place, () => listed(each(event, this.#context), 'event()').map(checked));
    if (made.rejected) records.reject(made.rejected);
    else made.outputs.forEach((output) => records.push(output, event));
  }
}

/** An endpoint of the pipeline file, with its own keys as they are there. */
function endpoint({ danube_topic: topic, reliable_dispatch: reliableDispatch = true, partitions = 0, ...own }) {
  return { ...own, topic, partitions, reliableDispatch };
}

/** The topics of the endpoints, each once. Endpoints of one topic must agree on how it is made. */
function endpointTopics(endpoints) {
  const topics = new Map();
  for (const { path, topic, partitions, reliableDispatch } of endpoints) {
    const other = topics.get(topic);
    if (other && (other.partitions !== partitions || other.reliableDispatch !== reliableDispatch)) {
      throw new Configuration(
        `endpoint \`${path}\` and another one publish to \`${topic}\` with different \`partitions\` or \`reliable_dispatch\`: give both the same`,
      );
    }
    topics.set(topic, { topic, partitions, reliableDispatch });
  }
  return [...topics.values()];
}
