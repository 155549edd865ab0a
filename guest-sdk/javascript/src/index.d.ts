// The types of `danube-connector`. What each does is in README.md.
export * from './types/errors.js';
export * from './types/settings.js';
export * from './types/source.js';
export * from './types/poll.js';
export * from './types/http.js';
export * from './types/sink.js';
export * from './types/input.js';

/** Lines for the connector's log. At most 1 KiB of a line is kept. */
export declare const log: Record<Level, (message: unknown) => void> & {
  /** Whether lines of this level are kept. */
  enabled(level: Level): boolean;
};
export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** Numbers for the connector's metrics page. Names match `[a-z][a-z0-9_]{0,63}`; others are dropped and counted. */
export declare const metrics: {
  /** Adds to a counter: a whole number that is not negative. */
  add(name: string, value?: number | bigint): void;
  /** Sets a gauge. */
  set(name: string, value: number): void;
  /** Adds an observation to a histogram. */
  observe(name: string, value: number): void;
};
