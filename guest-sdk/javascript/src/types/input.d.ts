/** One, several (an array, a generator) or none. */
export type Made<T> = T | Iterable<T> | null | undefined;

/** The payload of an event or a message. */
export interface Input {
  /** Its place in its batch. */
  readonly place: number;
  /** As JSON. `InvalidData` if it is not: `not JSON: …`. */
  json<T = any>(): T;
  /** As text. `InvalidData` if it is not UTF-8. */
  text(): string;
  /** As it came: a view into the batch, which lives as long as the call. */
  bytes(): Uint8Array;
}

/** Name-value pairs: of several with one name, the first. */
export type Pairs = Readonly<Record<string, string>>;

/** An input of a whole batch that is refused. */
export interface Refusal<I extends Input> {
  readonly inputs: readonly I[];
  readonly message: string;
}

/** Refuses inputs, for a connector that sees whole batches. Another one throws `InvalidData`. */
export declare function refuse<I extends Input>(inputs: I | readonly I[], message: string): Refusal<I>;

/** What is spelled as text where a key or an id is wanted. */
export type Scalar = string | number | bigint | boolean;
