import type { Input, Made, Pairs, Refusal, Scalar } from './input.js';
import type { Schema, SettingsOf } from './settings.js';

/** What a sink can ask for beside payloads and topics. What is left out is empty, and is not sent. */
export type MessageColumn = 'ids' | 'keys' | 'attributes' | 'publishTimes' | 'producers' | 'schemas' | 'orders';

/** One message. */
export interface Message extends Input {
  /** Its topic, without a partition. */
  readonly topic: string;
  /** The `table` of its topic's mapping. */
  readonly table: string;
  /** The record's id, the same at every delivery. Wants `ids`. */
  readonly id: string;
  /** Its routing key, if it is text. Wants `keys`. */
  readonly key: string | undefined;
  /** The key's bytes, none if there is none. Wants `keys`. */
  readonly keyBytes: Uint8Array;
  /** When it was published, in milliseconds since 1970-01-01 UTC. Wants `publishTimes`. */
  readonly publishedMs: number;
  /** Who published it. Wants `producers`. */
  readonly producer: string;
  /** The schema that it was published with. Wants `schemas`. */
  readonly schema: { subject: string; version: number } | undefined;
  /** Its attributes. Wants `attributes`. */
  readonly attributes: Pairs;
  /** Its place among all records of the pipeline: 64 bits. Given to a write, an old message never overwrites a newer one. Wants `orders`. */
  readonly order: bigint;
  /** A write of its own payload, unchanged, to its table or another. It does not cross the sandbox again. */
  forward(table?: string, options?: WriteOptions & { id?: Scalar; operation?: Operation }): Write;
}

export type Operation = 'insert' | 'upsert' | 'merge' | 'delete';

export interface WriteOptions {
  /** A rising number: the write applies only if it is not lower than the document's. 0, the default, applies always. */
  order?: number | bigint;
  /** The messages that it came from, in `messages`. */
  from?: Message | readonly Message[];
}

/** A write to the target. */
export interface Write extends WriteOptions {
  readonly operation: Operation;
  readonly target: string;
}

/** Inserts a document unless it is there. Without an id, the host makes one from the message's. */
export declare function insert(table: string, document: unknown, options?: WriteOptions & { id?: Scalar }): Write;
/** Replaces the document of this id, or creates it. Ids have 1 to 512 bytes and no control characters. */
export declare function upsert(table: string, id: Scalar, document: unknown, options?: WriteOptions): Write;
/** Sets the given fields of the document of this id, or creates it. */
export declare function merge(table: string, id: Scalar, fields: unknown, options?: WriteOptions): Write;
/** Removes the document of this id. */
export declare function remove(table: string, id: Scalar, options?: WriteOptions): Write;

/** A topic that is consumed, as the pipeline file has it, with its own keys. */
export interface Mapping {
  readonly topic: string;
  readonly subscription: string;
  readonly subscriptionType: SubscriptionType;
  readonly table?: string;
  readonly [key: string]: unknown;
}

export type SubscriptionType = 'exclusive' | 'shared' | 'failover' | 'key-shared';

/** A topic that a sink consumes. */
export interface ConsumerConfig {
  topic: string;
  subscription: string;
  /** Default `shared`. */
  subscriptionType?: SubscriptionType;
  /** Refuse messages whose schema is of another subject. */
  expectedSchemaSubject?: string;
}

export interface SinkStart<S extends Schema> {
  /** The connector's name in its pipeline. */
  readonly connector: string;
  readonly settings: SettingsOf<S>;
  readonly mappings: readonly Mapping[];
}

export interface SinkContext<S extends Schema, T> extends SinkStart<S> {
  /** What `initialize` returned. */
  readonly state: T;
}

export interface SinkDefinition<S extends Schema, T> {
  /** The connector's own settings, the table `config` of the pipeline file. */
  settings?: S;
  /** What it reads of messages. Default: everything. */
  wants?: readonly MessageColumn[];
  /** Called once, before anything else. Throw `Configuration` where the settings cannot work. */
  initialize?(start: SinkStart<S>): T;
  /** The topics it consumes. Default: those of the mappings. */
  consumerConfigs?(context: SinkContext<S, T>): ConsumerConfig[];
  /** What one message becomes. `InvalidData` makes a dead letter of this one; an error that is not of the SDK, too. */
  message?(message: Message, context: SinkContext<S, T>): Made<Write>;
  /** What a whole batch becomes; each write says what it came `from`. Instead of `message`. An error fails the batch. */
  messages?(messages: Message[], context: SinkContext<S, T>): Made<Write | Refusal<Message>>;
}

/** What a component exports as `sink`. */
export interface Sink {
  initialize(configuration: { connector: string; settings: string }): string[];
}

/** Makes the export `sink` of a component. */
export declare function defineSink<S extends Schema = {}, T = undefined>(definition: SinkDefinition<S, T>): Sink;
