// The subjects of the conformance suite, without wasm.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delivered, incoming, sinkHarness, sourceHarness } from 'danube-connector/testing';
import { sink } from '../conformance/sink/src/connector.js';
import { source } from '../conformance/source/src/connector.js';

const orders = (config) => sourceHarness(source, { endpoints: { '/orders': '/shop/lines' }, config });
const devices = (config) => sinkHarness(sink, { mappings: { '/default/devices': 'devices' }, config });
const plain = (object) => ({ ...object });

test('an order becomes its lines', () => {
  const order = { id: 'o-1', lines: ['a', { sku: 2 }], ask: true };
  const polled = orders().poll(incoming('/orders', order, { headers: { 'x-tenant': 'acme' } }));
  assert.deepEqual(polled.records.map(({ payload }) => payload.json), [
    { order: 'o-1', line: 0, item: 'a' },
    { order: 'o-1', line: 1, item: { sku: 2 } },
  ]);
  assert.deepEqual(polled.records.map(({ id, key, origins }) => ({ id, key, origins })), [
    { id: 'o-1:0', key: 'o-1', origins: [0] },
    { id: 'o-1:1', key: 'o-1', origins: [0] },
  ]);
  assert.deepEqual(plain(polled.records[0].attributes), { tenant: 'acme' });
  assert.equal(polled.answers[0].body.text, 'order o-1: 2 lines');
  assert.deepEqual(polled.logs, [{ level: 'info', line: 'order o-1: 2 lines' }]);
  assert.deepEqual(polled.metrics, [{ kind: 'add', name: 'orders', value: 1 }]);
});

test('each refusal is its own, and the rest of the batch goes on', () => {
  const polled = orders().poll(
    incoming('/orders', '{'),
    incoming('/orders', Uint8Array.of(0x22, 0xff, 0x22)),
    incoming('/orders', [1]),
    incoming('/orders', { id: '' }),
    incoming('/orders', { id: 'o-4' }),
    incoming('/orders', { id: 'o-5', panic: true }),
    incoming('/orders', { id: 'o-6', lines: [1] }),
  );
  const [brace, latin, ...others] = polled.refused.map(({ message }) => message);
  assert.match(brace, /^not JSON: /);
  assert.match(latin, /^not JSON: the payload is not UTF-8$/);
  assert.deepEqual(others.slice(0, 3), ['an order is a JSON object', 'an order needs an id', 'order o-4 has no lines']);
  assert.match(others[3], /^order o-5 panics \(conformance\/source\/src\/connector\.js:\d+\)$/);
  assert.deepEqual(polled.records.map(({ origins }) => origins), [[6]]);
  assert.match(polled.logs[0].line, /^event: Error: order o-5 panics .*; at /);
});

test('bytes are forwarded untouched', () => {
  const bytes = Uint8Array.of(0, 0xff, 0x80);
  const [forwarded] = orders({ forward: true }).poll(incoming('/orders', bytes)).records;
  assert.equal(forwarded.forwarded, true);
  assert.deepEqual(forwarded.payload.bytes, bytes);
});

test('a message becomes a write with its order', () => {
  const message = (payload, more) => delivered('/default/devices', payload, { order: 7n, ...more });
  const processed = devices().process(
    message({ device: 'd1', celsius: 20.5 }, { attributes: { site: 'north' } }),
    message({ device: 'd2', merge: true, celsius: 1 }),
    message({ device: 'd3', gone: true }),
    message({ celsius: 3 }),
  );
  const seen = processed.writes.map(({ operation, table, id, order }) => [operation, table, id, order]);
  assert.deepEqual(seen, [
    ['upsert', 'devices', 'd1', 7n],
    ['merge', 'devices', 'd2', 7n],
    ['delete', 'devices', 'd3', 7n],
  ]);
  assert.deepEqual(processed.writes[0].document.json, { celsius: 20.5, site: 'north' });
  assert.deepEqual(processed.refused, [{ origin: 3, unsupported: false, message: 'no device' }]);
});

test('failures keep their kinds', () => {
  const failing = (payload) => () => devices().process(delivered('/default/devices', payload));
  assert.throws(failing({ fatal: true }), { name: 'Fatal', message: 'told to stop' });
  assert.throws(failing({ retry: true }), { name: 'Retryable', message: 'told to wait', retryAfterMs: 50 });
});

test('settings are checked before anything starts', () => {
  assert.throws(() => orders({ key_feld: 'x' }), { name: 'Configuration', message: /`key_feld`.*`key_field`, `forward`/ });
  assert.throws(() => orders({ key_field: 7 }), { name: 'Configuration', message: /`key_field`.*a text, not 7/ });
  assert.throws(() => devices({ id_feld: 'x' }), { name: 'Configuration', message: /`id_feld`.*`id_field`/ });
});
