// Sinks: messages from topics become writes to a target.
import { call, listed, oneInput } from '../boundary.js';
import { Configuration, Fatal } from '../errors.js';
import { DEFINITION, interests, withTexts } from '../input.js';
import { seedRandom } from '../random.js';
import { parseConfiguration, readSettings } from '../settings.js';
import { WriteBuilder, checked } from './builder.js';
import { MESSAGE_COLUMNS, Message, withOrders } from './message.js';

/** The export `sink` of a component. */
export function defineSink(definition) {
  return { ...new Sink(definition).exports(), [DEFINITION]: definition };
}

/** One instance of a sink. */
export class Sink {
  #definition;
  #context;
  #tables;

  constructor(definition) {
    if (typeof (definition.message ?? definition.messages) !== 'function') {
      throw new TypeError('a sink has a function `message`, or `messages` for whole batches');
    }
    this.#definition = definition;
  }

  exports() {
    return {
      initialize: (configuration) => call('initialize', () => this.#initialize(configuration)),
      consumerConfigs: () => call('consumerConfigs', () => this.#consumerConfigs()),
      processBatch: (batch) => call('messages', () => this.#process(withOrders(withTexts(batch)))),
    };
  }

  #initialize(configuration) {
    if (this.#context) throw new Fatal('`initialize` was called twice on one instance');
    seedRandom();
    const { settings = {}, wants = MESSAGE_COLUMNS, initialize } = this.#definition;
    const given = parseConfiguration(configuration);
    const wanted = interests(wants, MESSAGE_COLUMNS, 'a sink');
    const context = {
      connector: given.connector,
      settings: readSettings(settings, given.config, given.connector),
      mappings: (given.topic_mappings ?? []).map(mapping),
    };
    this.#tables = new Map(context.mappings.map(({ topic, table }) => [topic, table]));
    context.state = initialize?.(context);
    this.#context = context;
    return wanted.includes('orders') ? [...wanted, 'order-bytes'] : wanted;
  }

  #consumerConfigs() {
    const { consumerConfigs } = this.#definition;
    const configs = consumerConfigs?.(this.#context) ?? mappedTopics(this.#context.mappings);
    return configs.map(({ topic, subscription, subscriptionType = 'shared', expectedSchemaSubject }) => ({
      topic,
      subscription,
      subscriptionType,
      expectedSchemaSubject: expectedSchemaSubject ?? undefined,
      options: [],
    }));
  }

  #process(batch) {
    const messages = Array.from({ length: batch.payloads.ends.length }, (_, place) => new Message(batch, place, this.#tables));
    const writes = new WriteBuilder();
    const { message: each, messages: all } = this.#definition;
    if (all) listed(all(messages, this.#context), 'messages()').forEach((made) => writes.push(checked(made)));
    else for (const message of messages) this.#message(each, message, writes);
    return writes.finish(messages.length);
  }

  #message(each, message, writes) {
    const made = oneInput('message', message.place, () => listed(each(message, this.#context), 'message()').map(checked));
    if (made.rejected) writes.reject(made.rejected);
    else made.outputs.forEach((output) => writes.push(output, message));
  }
}

const SUBSCRIPTION_TYPES = { Exclusive: 'exclusive', Shared: 'shared', Failover: 'failover', FailOver: 'failover', KeyShared: 'key-shared' };

/** A topic mapping of the pipeline file, with its own keys as they are there. */
function mapping({ subscription_type: type = 'Shared', expected_schema_subject: expectedSchemaSubject, ...own }) {
  const subscriptionType = SUBSCRIPTION_TYPES[type];
  if (!subscriptionType) {
    throw new Configuration(`topic \`${own.topic}\`: \`subscription_type\` is one of ${Object.keys(SUBSCRIPTION_TYPES).join(', ')}, not \`${type}\``);
  }
  return { ...own, subscriptionType, expectedSchemaSubject: expectedSchemaSubject ?? undefined };
}

/** The topics of the mappings. A message says which topic it came from, not which subscription: a topic has one mapping. */
function mappedTopics(mappings) {
  const topics = new Set();
  for (const { topic } of mappings) {
    if (topics.has(topic)) {
      throw new Configuration(`topic \`${topic}\` has two mappings: use a second sink, with a subscription of its own`);
    }
    topics.add(topic);
  }
  return mappings;
}
