import type { Scalar } from './input.js';
import type { Schema } from './settings.js';
import type { Source, SourceContext, SourceDefinition } from './source.js';

/** What may be fetched. */
export interface Room {
  /** Most events; at least 1. */
  readonly events: number;
  /** Most bytes of payloads; one event may have more. */
  readonly bytes: number;
}

export interface PolledEventOptions {
  /** The same however often it is fetched: 1 to 256 bytes without control characters. Without it, the host makes it of the payload,
   * and events of equal payloads are one. */
  id?: Scalar | null | undefined;
  /** Routing key: records of one key keep their order. */
  key?: Scalar | Uint8Array | null | undefined;
  /** What `event` is told of it. */
  attributes?: Record<string, string> | undefined;
}

/** Takes the events of one fetch, in the order in which they are to be published. */
export interface PageBuilder {
  /** Events so far. */
  readonly length: number;
  /** Bytes of payloads so far. */
  readonly bytes: number;
  /** Fetch again after this many milliseconds instead of the interval of the pipeline file: 0, at once, where there is more. */
  againAfterMs: number | undefined;
  /** One more event: a value as JSON, or bytes as they are. */
  push(value: unknown, options?: PolledEventOptions): void;
}

export interface PollingSourceDefinition<S extends Schema, T> extends SourceDefinition<S, T> {
  /** Fetches the next events, after those that `state` says the calls before have fetched. An error that may pass is tried again
   * after a wait; whatever that call changed of the state is forgotten. What was fetched comes to `event`, perhaps in another
   * instance; without `event` each becomes a record of its own, with its key, for the topic of the pipeline file. */
  fetch(room: Room, page: PageBuilder, context: SourceContext<S, T>): void;
}

/** Makes the export `source` of a component that asks for its events itself: `kind = "poller"` in connector.toml. */
export declare function definePollingSource<S extends Schema = {}, T = undefined>(definition: PollingSourceDefinition<S, T>): Source;

/** A few values of the connector's own that outlive the process. They are there during `fetch` alone. What a call changes is durable
 * once every event that it fetched is; a call that fails changes nothing. */
export declare const state: {
  /** The value of this key. */
  get(key: string): Uint8Array | undefined;
  /** The value of this key, if it is text. */
  getText(key: string): string | undefined;
  /** Sets the value of a key of 1 to 128 bytes: at most 64 KiB, of all together 512 KiB and 256 keys. `Fatal` if it is not set. */
  set(key: string, value: string | Uint8Array): void;
  /** Takes a key out. */
  delete(key: string): void;
  /** The keys that have a value, in the order of their bytes. */
  keys(): string[];
};
