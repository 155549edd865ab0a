// Stacks as each engine writes them, and the lines that the build leaves.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { told } from '../src/uncaught.js';

const LINES = Symbol.for('danube-connector.lines');
const thrown = (stack) => Object.assign(new Error('boom'), { stack });

afterEach(() => delete globalThis[LINES]);

test('the first line that is the author\'s is told, whichever engine ran it', () => {
  const lines = [0, [0, 3], [1, 12], [1, 20]];
  globalThis[LINES] = JSON.stringify({ files: ['danube-connector/src/boundary.js', 'src/connector.ts'], lines });
  const quickjs = '    at parse (native)\n    at check (/target/source.bundle.js:3:29)\n    at event (/target/source.bundle.js:4:1)\n';
  const spidermonkey = 'call@source.bundle.js:2:5\ncheck@source.bundle.js:3:29\nevent@source.bundle.js:4:1\n';
  assert.equal(told(thrown(quickjs)), 'boom (src/connector.ts:12)');
  assert.equal(told(thrown(spidermonkey)), 'boom (src/connector.ts:12)');
});

test('an error of no known place is its message, and one without a message its name', () => {
  assert.equal(told(thrown('')), 'boom');
  assert.equal(told(Object.assign(new RangeError(), { stack: undefined })), 'RangeError');
  assert.equal(told(undefined), 'undefined');
});
