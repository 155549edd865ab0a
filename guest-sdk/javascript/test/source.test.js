import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Retryable, Unsupported, defineSource, record, refuse, reply } from 'danube-connector';
import { incoming, sourceHarness } from 'danube-connector/testing';

const endpoints = { '/in': '/n/t' };
const polled = (event, ...payloads) =>
  sourceHarness(defineSource({ event }), { endpoints }).poll(...payloads.map((payload) => incoming('/in', payload)));

test('an event becomes nothing, one record, several, or what a generator yields', () => {
  function* both(event) {
    yield record(event.topic, 1);
    yield event.forward({ key: 7 });
  }
  assert.equal(polled(() => undefined, 1).records.length, 0);
  assert.equal(polled((event) => record(event.topic, { a: 1 }), 1).records[0].payload.text, '{"a":1}');
  const [first, second] = polled(both, 'x').records;
  assert.deepEqual([first.payload.text, second.payload.text, second.key, second.forwarded], ['1', 'x', '7', true]);
});

test('what an event cannot become refuses it with a sentence', () => {
  const message = (event) => polled(event, 1).refused[0].message;
  assert.match(message(() => 'text'), /neither a record nor a reply/);
  assert.match(message(async () => undefined), /returned a promise/);
  assert.match(message(() => record('/n/t', undefined)), /cannot be spelled as JSON/);
  assert.match(message(() => record('/n/t', 1, { id: '' })), /1 to 256 bytes/);
  assert.match(message(() => record('/n/t', 1, { id: 'a\n' })), /no control characters/);
  assert.match(message(() => record('/n/t', 1, { key: {} })), /a key is a text/);
  assert.match(message(() => reply(600)), /within 200 to 499, not 600/);
  assert.match(message(() => reply(200, 'x'.repeat(70_000))), /at most 65536 bytes/);
  assert.match(message(() => { throw 'thrown text'; }), /^thrown text$/);
  assert.match(message((event) => event.json().a.b), /undefined.*\(test\/source\.test\.js:\d+\)$/);
});

test('a generator that fails half way leaves nothing', () => {
  function* half(event) {
    yield record(event.topic, 1);
    throw new Unsupported('no');
  }
  const { records, refused } = polled(half, 1);
  assert.deepEqual([records, refused], [[], [{ origin: 0, unsupported: true, message: 'no' }]]);
});

test('a failure of a whole batch has its kind and its wait', () => {
  const busy = () => { throw new Retryable('busy', 50, { code: 3 }); };
  assert.throws(() => polled(busy, 1), { kind: 'retryable', message: 'busy', retryAfterMs: 50, code: 3 });
});

test('a source of batches says what its outputs came from', () => {
  const merged = defineSource({
    events: ([first, ...others]) => [record('/n/t', others.length, { from: others }), refuse(first, 'too early')],
  });
  const { records, refused } = sourceHarness(merged, { endpoints }).poll(incoming('/in', 1), incoming('/in', 2), incoming('/in', 3));
  assert.deepEqual(records.map(({ origins }) => origins), [[1, 2]]);
  assert.deepEqual(refused.map(({ origin }) => origin), [0]);
  const lost = defineSource({ events: () => record('/n/t', 1) });
  assert.throws(() => sourceHarness(lost).poll(incoming('/in', 1)), { kind: 'fatal', message: /names what it came from/ });
});

test('only what is wanted is there', () => {
  const seen = (wants) => {
    const look = ({ id, key, headers, contentType, receivedMs }) => record('/n/t', { id, key, headers, contentType, receivedMs });
    const harness = sourceHarness(defineSource({ wants, event: look }), { endpoints });
    const more = { id: 'i', key: 'k', headers: { h: 'v' }, contentType: 'text/plain', receivedMs: 5 };
    return harness.poll(incoming('/in', 1, more)).records[0].payload.json;
  };
  assert.deepEqual(seen(undefined), { id: 'i', key: 'k', headers: { h: 'v' }, contentType: 'text/plain', receivedMs: 5 });
  assert.deepEqual(seen([]), { id: '', headers: {}, contentType: '', receivedMs: 0 });
  assert.throws(() => seen(['bodies']), /cannot want `bodies`: there are ids, /);
});

test('endpoints of one topic make it once, and must agree', () => {
  const configs = (...endpoints) => sourceHarness(defineSource({ event() {} }), { endpoints }).producerConfigs();
  const endpoint = (path, more) => ({ path, danube_topic: '/n/t', ...more });
  assert.deepEqual(configs(endpoint('/a', { partitions: 4 }), endpoint('/b', { partitions: 4 })), [
    { topic: '/n/t', partitions: 4, reliableDispatch: true },
  ]);
  assert.throws(() => configs(endpoint('/a', { partitions: 4 }), endpoint('/b')), { kind: 'configuration', message: /`\/b`/ });
});

test('an instance keeps what its `initialize` made', () => {
  const counting = defineSource({
    initialize: ({ connector }) => ({ connector, seen: 0 }),
    event: (event, { state }) => record(event.topic, [state.connector, ++state.seen]),
  });
  const harness = sourceHarness(counting, { endpoints });
  harness.poll(incoming('/in', 1));
  assert.deepEqual(harness.poll(incoming('/in', 1)).records[0].payload.json, ['under-test', 2]);
  assert.deepEqual(sourceHarness(counting, { endpoints }).poll(incoming('/in', 1)).records[0].payload.json, ['under-test', 1]);
});

test('payloads are the same whether the host sends them as strings or as bytes', () => {
  const source = defineSource({ event: (event) => record(event.topic, [event.text(), event.json(), [...event.bytes()]]) });
  for (const texts of [true, false]) {
    const harness = sourceHarness(source, { endpoints, texts });
    assert.equal(harness.wants.includes('texts'), texts);
    const { records, refused } = harness.poll(incoming('/in', '"ä"'), incoming('/in', Uint8Array.of(0xff)));
    assert.deepEqual(records[0].payload.json, ['"ä"', 'ä', [34, 195, 164, 34]]);
    assert.deepEqual(refused, [{ origin: 1, unsupported: false, message: 'the payload is not UTF-8' }]);
  }
});
