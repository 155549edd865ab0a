import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputPayload, Origins, Payloads } from '../src/columns/outputs.js';
import { blob, label, pairs, text } from '../src/columns/read.js';
import { Attributes, Blobs, Labels } from '../src/columns/write.js';

const bytes = (...of) => Uint8Array.from(of);

test('values come back as they went in', () => {
  const blobs = new Blobs();
  for (const value of ['a', '', 'ccc']) blobs.push(new TextEncoder().encode(value));
  const column = blobs.finish();
  assert.deepEqual([0, 1, 2, 3].map((i) => text(column, i)), ['a', '', 'ccc', '']);

  const labels = new Labels();
  for (const value of ['a', 'b', 'b', 'a']) labels.push(value);
  assert.deepEqual(labels.finish().names, ['a', 'b']);
  assert.deepEqual([0, 1, 2, 3, 4].map((i) => label(labels.finish(), i)), ['a', 'b', 'b', 'a', '']);

  const sets = new Attributes();
  sets.set(0, { k: 'v' });
  sets.set(2, JSON.parse('{"ä": "1", "__proto__": "2"}'));
  assert.deepEqual(Object.entries(pairs(sets.finish(3), 2)), [['ä', '1'], ['__proto__', '2']]);
  assert.deepEqual(pairs(sets.finish(3), 1), {});
  assert.deepEqual(pairs(sets.finish(3), 9), {});
});

test('a late value fills up those before and after it, and a column with nothing to say stays empty', () => {
  const ids = new Blobs();
  assert.equal(ids.finishOptional(9).ends.length, 0);
  ids.set(2, bytes(120));
  assert.deepEqual([...ids.finishOptional(4).ends], [0, 0, 1, 1]);
  assert.equal(new Attributes().finish(9).ends.length, 0);
});

test('columns grow beyond what they start with', () => {
  const column = new Blobs();
  const value = new Uint8Array(1000).fill(7);
  for (let i = 0; i < 50; i++) column.push(value);
  assert.deepEqual(blob(column.finish(), 49), value);
});

test('payloads mix new ones and those of inputs', () => {
  const payloads = new Payloads();
  payloads.push(bytes(1));
  assert.equal(payloads.finish().reuse.length, 0);
  payloads.push(new InputPayload(4));
  payloads.push(bytes(2));
  assert.deepEqual([...payloads.finish().reuse], [0, 5, 0]);
  assert.deepEqual(payloads.finish().bytes.bytes, bytes(1, 2));
});

const origins = (inputs, ...outputs) => {
  const column = new Origins();
  outputs.forEach((places) => column.push(places));
  const { ends, index } = column.finish(inputs);
  return [[...ends], [...index]];
};

test('origins are spelled out unless output i came from input i', () => {
  assert.deepEqual(origins(3, [0], [1], [2]), [[], []]);
  assert.deepEqual(origins(3, [0], [1]), [[1, 2], [0, 1]]);
  assert.deepEqual(origins(2, [1], [1]), [[1, 2], [1, 1]]);
  assert.deepEqual(origins(4, [0], [1, 2, 3], [3]), [[1, 4, 5], [0, 1, 2, 3, 3]]);
  assert.deepEqual(origins(0), [[], []]);
});
