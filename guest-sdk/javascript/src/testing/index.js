// Runs a connector in an ordinary test, through the same columns as the host.
export { incoming, pollerHarness, sourceHarness } from './source.js';
export { delivered, sinkHarness } from './sink.js';
