// The kinds of a connector's errors, by what the host does about them.

/** An error whose kind the host knows. Thrown by the classes below. */
export class ConnectorError extends Error {
  constructor(kind, message, { code = 0, retryAfterMs } = {}) {
    super(message);
    this.name = new.target.name;
    this.kind = kind;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

export class InvalidData extends ConnectorError {
  constructor(message, options) {
    super('invalid-data', message, options);
  }
}

export class Unsupported extends InvalidData {}

export class Retryable extends ConnectorError {
  constructor(message, afterMs, options) {
    super('retryable', message, { ...options, retryAfterMs: afterMs });
  }
}

export class Fatal extends ConnectorError {
  constructor(message, options) {
    super('fatal', message, options);
  }
}

export class Configuration extends ConnectorError {
  constructor(message, options) {
    super('configuration', message, options);
  }
}
