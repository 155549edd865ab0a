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

export interface SourceHarness {
  /** What it asked for. */
  readonly wants: string[];
  producerConfigs(): Required<ProducerConfig>[];
  /** Gives it a batch. A failure of the whole batch is thrown. */
  poll(...events: Incoming[]): Polled;
}

export interface SinkHarness {
  /** What it asked for. */
  readonly wants: string[];
  consumerConfigs(): ConsumerConfig[];
  /** Gives it a batch. A failure of the whole batch is thrown. */
  process(...messages: Delivered[]): Processed;
}

/** A fresh instance of a source. `endpoints` is a list as in the pipeline file, or `{ path: topic }`. */
export declare function sourceHarness(
  source: Source,
  options?: { endpoints?: Record<string, string> | Record<string, unknown>[]; config?: Record<string, unknown>; texts?: boolean },
): SourceHarness;

/** A fresh instance of a sink. `mappings` is a list as in the pipeline file, or `{ topic: table }`. */
export declare function sinkHarness(
  sink: Sink,
  options?: { mappings?: Record<string, string> | Record<string, unknown>[]; config?: Record<string, unknown>; texts?: boolean },
): SinkHarness;
