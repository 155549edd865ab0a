import assert from 'node:assert/strict';
import { test } from 'node:test';
import { incoming, sourceHarness } from 'danube-connector/testing';
import { source } from '../src/connector.js';

const orders = () => sourceHarness(source, { endpoints: { '/orders': '/default/lines' } });

test('an order becomes its lines', () => {
  const { records } = orders().poll(incoming('/orders', { id: 'o-1', lines: [{ sku: 'a' }, { sku: 'b' }] }));
  assert.deepEqual(records.map(({ key, payload }) => [key, payload.json]), [
    ['o-1', { sku: 'a' }],
    ['o-1', { sku: 'b' }],
  ]);
});

test('an order without lines is refused', () => {
  const { refused } = orders().poll(incoming('/orders', { id: 'o-2', lines: [] }));
  assert.equal(refused[0].message, 'order o-2 has no lines');
});
