/** What an error says beside its message. */
export interface ErrorOptions {
  /** The connector's own number for it, shown in logs and metrics. */
  code?: number;
}

/** An error whose kind the host knows. */
export declare class ConnectorError extends Error {
  readonly kind: 'retryable' | 'fatal' | 'invalid-data' | 'configuration';
  readonly code: number;
  /** With `Retryable`, in milliseconds. */
  readonly retryAfterMs?: number;
  protected constructor(kind: ConnectorError['kind'], message: string, options?: ErrorOptions);
}

/** This input is no good: it is refused alone, with this message for whoever sent it, and the rest of the batch goes on. */
export declare class InvalidData extends ConnectorError {
  constructor(message: string, options?: ErrorOptions);
}

/** As `InvalidData`, because the connector has no use for this kind of data. */
export declare class Unsupported extends InvalidData {}

/** Not now: the host waits, at least this many milliseconds, and calls again with the same batch. */
export declare class Retryable extends ConnectorError {
  constructor(message: string, afterMs?: number, options?: ErrorOptions);
}

/** Never again: the host stops this connector and says so. */
export declare class Fatal extends ConnectorError {
  constructor(message: string, options?: ErrorOptions);
}

/** The configuration is wrong: the host refuses to start. */
export declare class Configuration extends ConnectorError {
  constructor(message: string, options?: ErrorOptions);
}
