import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delivered, sinkHarness } from 'danube-connector/testing';
import { sink } from '../src/connector.js';

const devices = () => sinkHarness(sink, { mappings: { '/default/readings': 'devices' } });

test('a reading is the state of its device', () => {
  const { writes } = devices().process(delivered('/default/readings', { device: 'd7', celsius: 20.5 }));
  assert.deepEqual(writes.map(({ operation, id, document }) => [operation, id, document.json]), [
    ['upsert', 'd7', { celsius: 20.5 }],
  ]);
});

test('a reading of no device is refused', () => {
  const { refused } = devices().process(delivered('/default/readings', { celsius: 3 }));
  assert.equal(refused[0].message, 'no device');
});
