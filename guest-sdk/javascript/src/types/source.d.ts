import type { Input, Made, Pairs, Refusal, Scalar } from './input.js';
import type { Schema, SettingsOf } from './settings.js';

/** What a source can ask for beside payloads and endpoints. What is left out is empty, and is not sent. */
export type EventColumn = 'ids' | 'keys' | 'attributes' | 'headers' | 'contentTypes' | 'received';

/** One event. */
export interface Event extends Input {
  /** The endpoint that it came through: for HTTP, its path as configured. */
  readonly endpoint: string;
  /** The topic of its endpoint. */
  readonly topic: string;
  /** The sender's id where the endpoint says where to find it, else the host's. Wants `ids`. */
  readonly id: string;
  /** The key that the transport gave, if it is text. Wants `keys`. */
  readonly key: string | undefined;
  /** The key's bytes, none if there is none. Wants `keys`. */
  readonly keyBytes: Uint8Array;
  /** The media type that the sender claimed; empty if none. Wants `contentTypes`. */
  readonly contentType: string;
  /** When it arrived, in milliseconds since 1970-01-01 UTC. Wants `received`. */
  readonly receivedMs: number;
  /** What the transport knows: for HTTP `method`, `path`, `query`, `client-ip`. Wants `attributes`. */
  readonly attributes: Pairs;
  /** Headers, names in lower case, without those that carry credentials. Wants `headers`. */
  readonly headers: Pairs;
  /** A record of its own payload, unchanged, to its endpoint's topic or another. It does not cross the sandbox again. */
  forward(options?: RecordOptions & { topic?: string }): SourceRecord;
}

export interface RecordOptions {
  /** Routing key: records of one key keep their order. */
  key?: Scalar | Uint8Array | null | undefined;
  /** An event id that is better than the transport's: 1 to 256 bytes without control characters. */
  id?: Scalar | null | undefined;
  /** Attributes to publish with it. */
  attributes?: Record<string, string> | undefined;
  /** The events that it came from, in `events`. */
  from?: Event | readonly Event[];
}

/** A record to publish. */
export interface SourceRecord extends RecordOptions {
  readonly topic: string;
}

/** What a waiting HTTP caller is answered instead of the host's own answer, once the records of its event are durable. */
export interface Reply {
  readonly status: number;
  readonly contentType: string;
}

/** A record of a value as JSON, or of bytes as they are. */
export declare function record(topic: string, value: unknown, options?: RecordOptions): SourceRecord;

/** An answer: status 200 to 499; a text, bytes, or a value as JSON, of at most 64 KiB. */
export declare function reply(status: number, body?: unknown, options?: { contentType?: string; from?: Event }): Reply;

/** A way in, as the pipeline file has it, with its own keys. */
export interface Endpoint {
  readonly path: string;
  readonly topic: string;
  readonly partitions: number;
  readonly reliableDispatch: boolean;
  readonly [key: string]: unknown;
}

/** A topic that a source publishes to. */
export interface ProducerConfig {
  topic: string;
  /** Partitions to create it with; 0, which is the default, for a topic without. */
  partitions?: number;
  /** Keep each message until every subscription has acknowledged it. Default true. */
  reliableDispatch?: boolean;
}

export interface SourceStart<S extends Schema> {
  /** The connector's name in its pipeline. */
  readonly connector: string;
  readonly settings: SettingsOf<S>;
  readonly endpoints: readonly Endpoint[];
}

export interface SourceContext<S extends Schema, T> extends SourceStart<S> {
  /** What `initialize` returned. */
  readonly state: T;
}

export interface SourceDefinition<S extends Schema, T> {
  /** The connector's own settings, the table `config` of the pipeline file. */
  settings?: S;
  /** What it reads of events. Default: everything. */
  wants?: readonly EventColumn[];
  /** Called once, before anything else. Throw `Configuration` where the settings cannot work. */
  initialize?(start: SourceStart<S>): T;
  /** The topics it publishes to. Default: those of the endpoints. */
  producerConfigs?(context: SourceContext<S, T>): ProducerConfig[];
  /** What one event becomes. `InvalidData` refuses this one; an error that is not of the SDK, too, with its message and place. */
  event?(event: Event, context: SourceContext<S, T>): Made<SourceRecord | Reply>;
  /** What a whole batch becomes; each output says what it came `from`. Instead of `event`. An error fails the batch. */
  events?(events: Event[], context: SourceContext<S, T>): Made<SourceRecord | Reply | Refusal<Event>>;
}

/** What a component exports as `source`. */
export interface Source {
  initialize(configuration: { connector: string; settings: string }): string[];
}

/** Makes the export `source` of a component. */
export declare function defineSource<S extends Schema = {}, T = undefined>(definition: SourceDefinition<S, T>): Source;
