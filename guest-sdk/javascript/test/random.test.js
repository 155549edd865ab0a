import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generator } from '../src/random.js';

test('one seed draws the same numbers, another one others, from 0 to below 1 and evenly', () => {
  const drawn = (seed, n) => Array.from({ length: n }, generator(seed));
  assert.deepEqual(drawn([1, 2, 3, 5], 5), drawn([1, 2, 3, 5], 5));
  assert.notDeepEqual(drawn([1, 2, 3, 5], 5), drawn([1, 2, 3, 7], 5));
  const buckets = new Array(10).fill(0);
  for (const n of drawn([1, 2, 3, 5], 20_000)) buckets[Math.floor(n * 10)]++;
  assert.ok(buckets.length === 10 && buckets.every((n) => n > 1700 && n < 2300), `${buckets}`);
});
