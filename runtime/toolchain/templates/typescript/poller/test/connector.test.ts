import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pollerHarness, type Http } from 'danube-connector/testing';
import { source } from '../src/connector.js';

const orders = (http: Http, state = {}) =>
  pollerHarness(source, { topic: '/default/orders', config: { url: 'https://api.example/orders' }, http, state });

test('a page leads to the next', () => {
  const harness = orders({
    'https://api.example/orders?after=0&limit=100': { body: { orders: [{ id: 1, customer: 'c-1' }, { id: 2 }], more: true } },
    'https://api.example/orders?after=2&limit=100': { body: { orders: [], more: false } },
  });
  const first = harness.fetch();
  assert.deepEqual([first.events.map(({ id }) => id), first.againAfterMs], [['1', '2'], 0]);
  assert.deepEqual(harness.state, { after: '2' });
  assert.equal(harness.requests[0]?.headers.authorization, 'secret:orders');
  assert.equal(harness.fetch().againAfterMs, undefined);
  const { records, refused } = harness.pollPage(first);
  assert.deepEqual(records.map(({ key }) => key), ['c-1']);
  assert.equal(refused[0]?.message, 'order 2 has no customer');
});

test('an answer that is no page is tried again', () => {
  const harness = orders(() => ({ status: 503 }), { after: '7' });
  assert.throws(() => harness.fetch(), { name: 'Retryable', message: /answered 503$/ });
  assert.deepEqual(harness.state, { after: '7' });
});
