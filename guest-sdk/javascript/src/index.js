// Write connectors for Danube as sandboxed components. See README.md.
import './random.js';

export { ConnectorError, InvalidData, Unsupported, Retryable, Fatal, Configuration } from './errors.js';
export { text, flag, number, integer, json, choice, list } from './settings.js';
export { log } from './log.js';
export { metrics } from './metrics.js';
export { refuse } from './outputs.js';
export { defineSource } from './source/index.js';
export { record, reply } from './source/record.js';
export { definePollingSource } from './poll/index.js';
export { state } from './poll/state.js';
export { http } from './http/index.js';
export { HttpError } from './http/error.js';
export { defineSink } from './sink/index.js';
export { insert, upsert, merge, remove } from './sink/write.js';
