import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidData, defineSink, insert, merge, refuse, remove, upsert } from 'danube-connector';
import { delivered, sinkHarness } from 'danube-connector/testing';

const mappings = { '/n/t': 'rows' };
const processed = (message, ...payloads) =>
  sinkHarness(defineSink({ message }), { mappings }).process(...payloads.map((payload) => delivered('/n/t', payload, { order: 2n ** 60n + 1n })));

test('each operation crosses as itself, with an order of 64 bits', () => {
  const all = ({ table, order }) => [
    insert(table, { a: 1 }),
    upsert(table, 7, { a: 1 }, { order }),
    merge(table, 'm', { a: 1 }, { order: 5 }),
    remove(table, 'd', { order }),
  ];
  const writes = processed(all, 1).writes.map(({ operation, id, order, document }) => [operation, id, order, document.text]);
  assert.deepEqual(writes, [
    ['insert', undefined, 0n, '{"a":1}'],
    ['upsert', '7', 2n ** 60n + 1n, '{"a":1}'],
    ['merge', 'm', 5n, '{"a":1}'],
    ['delete', 'd', 2n ** 60n + 1n, ''],
  ]);
});

test('a message is forwarded as it is', () => {
  const [write] = processed((message) => message.forward(message.table, { id: 'x', operation: 'upsert' }), '{"b": 2}').writes;
  assert.deepEqual([write.forwarded, write.document.text, write.operation, write.table], [true, '{"b": 2}', 'upsert', 'rows']);
});

test('what is no write refuses the message with a sentence', () => {
  const message = (make) => processed(make, 1).refused[0].message;
  assert.match(message(() => ({ table: 'rows' })), /Object is no write: make one with upsert/);
  assert.match(message((m) => upsert(m.table, 'x'.repeat(513), 1)), /1 to 512 bytes/);
  assert.match(message(() => upsert(undefined, 'x', 1)), /a write's table is a text, not `undefined`/);
  assert.match(message((m) => m.forward(m.table, { operation: 'truncate' })), /no operation `truncate`/);
});

test('a sink of batches merges messages into one write', () => {
  const merged = defineSink({
    messages: (all) => [insert('rows', all.length - 1, { from: all.slice(1) }), refuse(all.slice(0, 1), 'late')],
  });
  const { writes, refused } = sinkHarness(merged, { mappings }).process(...[1, 2, 3].map((n) => delivered('/n/t', n)));
  assert.deepEqual(writes.map(({ origins }) => origins), [[1, 2]]);
  assert.deepEqual(refused.map(({ origin, message }) => [origin, message]), [[0, 'late']]);
  const failing = defineSink({ messages() { throw new InvalidData('one of them'); } });
  assert.throws(() => sinkHarness(failing).process(delivered('/n/t', 1)), { kind: 'invalid-data' });
});

test('schemas, and topics that are consumed once', () => {
  const look = ({ schema }) => insert('rows', schema ?? null);
  const seen = (schema) => sinkHarness(defineSink({ message: look })).process(delivered('/n/t', 1, { schema })).writes[0].document.json;
  assert.deepEqual([seen('a@b@3'), seen('plain'), seen('')], [{ subject: 'a@b', version: 3 }, { subject: 'plain', version: 0 }, null]);
  const configs = (...of) => sinkHarness(defineSink({ message() {} }), { mappings: of }).consumerConfigs();
  const mapping = (more) => ({ topic: '/n/t', subscription: 's', table: 't', ...more });
  assert.deepEqual(configs(mapping({ subscription_type: 'FailOver' })), [
    { topic: '/n/t', subscription: 's', subscriptionType: 'failover', expectedSchemaSubject: undefined },
  ]);
  assert.throws(() => configs(mapping(), mapping()), { kind: 'configuration', message: /two mappings/ });
  assert.throws(() => configs(mapping({ subscription_type: 'Sharred' })), { kind: 'configuration', message: /not `Sharred`/ });
});

test('orders come from numbers, from bytes, or from the time of publication', () => {
  const source = defineSink({ message: ({ order }) => insert('rows', String(order)) });
  const written = (batch) => JSON.parse(new TextDecoder().decode(source.processBatch(batch).payloads.bytes.bytes));
  source.initialize({ connector: 'x', settings: '{}' });
  const labels = { names: ['/n/t'], index: [0] };
  const none = { ends: [], bytes: new Uint8Array(0) };
  const batch = (extra, publishTimes = []) => ({
    topics: labels, payloads: { ends: [1], bytes: Uint8Array.of(0x31) }, ids: none, keys: none, publishTimes,
    producers: labels, schemas: labels, attributes: { ends: [], names: none, values: none }, extra,
  });
  const bytes = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 16);
  const exact = { name: 'order-bytes', values: { tag: 'blobs', val: { ends: [8], bytes } } };
  const rounded = { name: 'orders', values: { tag: 'numbers', val: [2 ** 60] } };
  assert.equal(written(batch([rounded, exact])), String(2n ** 60n + 1n));
  assert.equal(written(batch([rounded])), String(2n ** 60n));
  assert.equal(written(batch([], [1705004567000n])), '1705004567000');
});
