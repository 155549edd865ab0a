// The types of `danube-connector/testing`.
import type { Level, Operation, ProducerConfig, ConsumerConfig, Sink, Source } from '../index.js';

/** Bytes and text as they are, anything else as JSON. */
export type Sample = unknown;

/** An event to give a source. */
export interface Incoming {
  endpoint: string;
  payload: Sample;
  id?: string;
  key?: string | Uint8Array;
  contentType?: string;
  receivedMs?: number;
  attributes?: Record<string, string>;
  headers?: Record<string, string>;
}
export declare function incoming(endpoint: string, payload: Sample, more?: Partial<Incoming>): Incoming;

/** A message to give a sink. */
export interface Delivered {
  topic: string;
  payload: Sample;
  id?: string;
  key?: string | Uint8Array;
  publishedMs?: number;
  producer?: string;
  schema?: string;
  attributes?: Record<string, string>;
  order?: number | bigint;
}
export declare function delivered(topic: string, payload: Sample, more?: Partial<Delivered>): Delivered;

export interface Payload {
  readonly bytes: Uint8Array;
  readonly text: string;
  readonly json: any;
}

/** An input that was refused, by its place in what was given. */
export interface Refused {
  origin: number;
  unsupported: boolean;
  message: string;
}

export interface Heard {
  logs: { level: Level; line: string }[];
  metrics: { kind: 'add' | 'set' | 'observe'; name: string; value: number | bigint }[];
  refused: Refused[];
}

export interface Polled extends Heard {
  records: {
    topic: string;
    payload: Payload;
    /** Whether the payload is an event's own. */
    forwarded: boolean;
    origins: number[];
    id?: string;
    key?: string;
    keyBytes: Uint8Array;
    attributes: Record<string, string>;
  }[];
  answers: { origin: number; status: number; contentType: string; body: Payload }[];
}

export interface Processed extends Heard {
  writes: {
    operation: Operation;
    table: string;
    document: Payload;
    /** Whether the document is a message's own payload. */
    forwarded: boolean;
    origins: number[];
    id?: string;
    order: bigint;
  }[];
}

/** A request that a connector made. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: Payload;
  readonly timeoutMs: number | undefined;
}

/** An answer to it: status 200 unless given; a text, bytes, or a value as JSON. */
export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: Sample;
}

/** What answers requests: a function, which may throw `HttpError`, or answers by URL. */
export type Http = ((request: Asked) => Answer) | Record<string, Answer>;

export interface FetchedPage {
  events: { payload: Payload; id?: string; key?: string; keyBytes: Uint8Array; attributes: Record<string, string> }[];
  /** When to fetch again; undefined for the interval of the pipeline file. */
  againAfterMs: number | undefined;
  logs: Heard['logs'];
  metrics: Heard['metrics'];
}

export interface SourceHarness {
  /** What it asked for. */
  readonly wants: string[];
  /** What it asked of others, each redirect that was followed, too. */
  readonly requests: Asked[];
  producerConfigs(): Required<ProducerConfig>[];
  /** Gives it a batch. A failure of the whole batch is thrown. */
  poll(...events: Incoming[]): Polled;
}

export interface PollerHarness extends SourceHarness {
  /** What it remembers, as text. A fetch that fails leaves it as it was. */
  state: Record<string, string>;
  /** Fetches, with room for 100 events and 1 MiB unless given. A failure is thrown. */
  fetch(room?: { events?: number; bytes?: number }): FetchedPage;
  /** Gives it the events of a page, as the host does. */
  pollPage(page: FetchedPage): Polled;
}

export interface SinkHarness {
  /** What it asked for. */
  readonly wants: string[];
  /** What it asked of others, each redirect that was followed, too. */
  readonly requests: Asked[];
  consumerConfigs(): ConsumerConfig[];
  /** Gives it a batch. A failure of the whole batch is thrown. */
  process(...messages: Delivered[]): Processed;
}

/** A fresh instance of a source. `endpoints` is a list as in the pipeline file, or `{ path: topic }`. */
export declare function sourceHarness(
  source: Source,
  options?: { endpoints?: Record<string, string> | Record<string, unknown>[]; config?: Record<string, unknown>; http?: Http; texts?: boolean },
): SourceHarness;

/** A fresh instance of a polling source, with the state that earlier calls have left, as text or bytes. */
export declare function pollerHarness(
  source: Source,
  options: {
    topic: string;
    config?: Record<string, unknown>;
    http?: Http | undefined;
    state?: Record<string, string | Uint8Array>;
    texts?: boolean;
  },
): PollerHarness;

/** A fresh instance of a sink. `mappings` is a list as in the pipeline file, or `{ topic: table }`. */
export declare function sinkHarness(
  sink: Sink,
  options?: { mappings?: Record<string, string> | Record<string, unknown>[]; config?: Record<string, unknown>; http?: Http; texts?: boolean },
): SinkHarness;
