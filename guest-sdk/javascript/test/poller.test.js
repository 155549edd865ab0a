// Polling sources, their state and their requests, without wasm.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { Fatal, HttpError, defineSink, definePollingSource, http, state, upsert } from 'danube-connector';
import { delivered, pollerHarness, sinkHarness } from 'danube-connector/testing';
import { source as feed } from '../conformance/poller/src/connector.js';

const URL = 'https://feed.example/orders';
const plain = (object) => ({ ...object });
const orders = (given) => pollerHarness(feed, { topic: '/shop/orders', config: { url: URL }, ...given });
const fetching = (fetch, given) => pollerHarness(definePollingSource({ fetch }), { topic: '/n/t', ...given });

test('a page goes on where the state says, and becomes records', () => {
  const body = { orders: [{ id: 'ö', customer: 'c-🐟' }, { id: 'b' }], next: '9', more: true };
  const harness = orders({ state: { cursor: '7', other: 'x' }, http: () => ({ body }) });
  const page = harness.fetch({ events: 2 });
  assert.deepEqual(page.events.map(({ id, key, attributes }) => [id, key, plain(attributes)]), [
    ['ö', 'c-🐟', { page: '7' }],
    ['b', undefined, { page: '7' }],
  ]);
  assert.deepEqual([page.events[0].payload.json, page.againAfterMs], [{ id: 'ö', customer: 'c-🐟' }, 0]);
  assert.deepEqual(harness.state, { cursor: '9', other: 'x' });
  const [{ method, url, headers, timeoutMs }] = harness.requests;
  assert.deepEqual({ method, url, headers, timeoutMs }, {
    method: 'GET',
    url: `${URL}?after=7&limit=2`,
    headers: { authorization: 'secret:feed' },
    timeoutMs: 1000,
  });
  const { records } = harness.pollPage(page);
  assert.deepEqual(records.map(({ topic, key, forwarded }) => [topic, key, forwarded]), [
    ['/shop/orders', 'c-🐟', true],
    ['/shop/orders', undefined, true],
  ]);
  assert.equal(harness.producerConfigs()[0].topic, '/shop/orders');
});

test('its own event sees what was fetched', () => {
  const source = definePollingSource({
    wants: ['ids', 'attributes'],
    fetch: (_, page) => page.push(21, { id: 'a', attributes: { x: 'y' } }),
    event: (event) => event.forward({ id: `${event.id}:0`, attributes: { x: event.attributes.x } }),
  });
  const harness = pollerHarness(source, { topic: '/n/t' });
  const [record] = harness.pollPage(harness.fetch()).records;
  assert.deepEqual([record.payload.json, record.id, plain(record.attributes)], [21, 'a:0', { x: 'y' }]);
});

const PANICKED = /^fetch: the feed panics \(conformance\/poller\/src\/connector\.js:\d+\)$/;

test('what fails is said, and leaves the state', () => {
  const answers = [
    [() => ({ status: 503, headers: { 'retry-after': '7' } }), { name: 'Retryable', message: 'the feed answered 503', retryAfterMs: 7000 }],
    [() => ({ body: '{' }), { name: 'Retryable', message: /^the answer of .* is not JSON: / }],
    [() => ({ body: Uint8Array.of(0xff) }), { name: 'Retryable', message: /is not UTF-8$/ }],
    [{}, { name: 'Retryable', message: `\`${URL}?after=0&limit=100\` is not granted in this test` }],
    [undefined, { name: 'Retryable', message: /^nothing answers in this test/ }],
    [() => ({ body: { orders: [], next: 'x'.repeat(65_537) } }), { name: 'Fatal', message: /a value has at most 64 KiB/ }],
    [() => ({ body: { orders: [{ id: '' }] } }), { name: 'InvalidData', message: /^an event id has 1 to 256 bytes/ }],
    [() => ({ body: { orders: [], next: '8', panic: true } }), { name: 'InvalidData', message: PANICKED }],
  ];
  for (const [answer, error] of answers) {
    const harness = orders({ state: { n: '1' }, http: answer });
    assert.throws(() => harness.fetch(), error);
    assert.deepEqual(harness.state, { n: '1' });
    assert.throws(() => state.set('after', '1'), { message: /was not set: state is there while `fetch` runs, and at no other time$/ });
    assert.deepEqual([state.get('n'), state.keys()], [undefined, []]);
  }
});

test('state has the limits of the host', () => {
  const harness = fetching(() => {
    state.set('k'.repeat(128), new Uint8Array(65_536));
    const refused = [
      ['', '', /1 to 128 bytes/],
      ['é'.repeat(65), '', /1 to 128 bytes/],
      ['v', new Uint8Array(65_537), /64 KiB/],
    ];
    for (const [key, value, said] of refused) {
      assert.throws(() => state.set(key, value), (error) => error instanceof Fatal && said.test(error.message));
    }
    assert.throws(() => state.set('n', 7), { name: 'TypeError', message: 'the state `n` is a text or bytes, not a number' });
    state.delete('k'.repeat(128));
    state.delete('k'.repeat(128));
    for (let n = 0; n < 256; n++) state.set(String(n).padStart(3, '0'), 'x');
    assert.throws(() => state.set('more', ''), /at most 256 keys/);
    state.set('000', Uint8Array.of(0xff));
    assert.deepEqual([state.keys().slice(0, 2), state.getText('000'), state.get('none')], [['000', '001'], undefined, undefined]);
  });
  harness.fetch();
  assert.equal(Object.keys(harness.state).length, 256);
});

test('a page counts what it has, and bytes stay as they are', () => {
  const page = fetching((_, page) => {
    page.push(Uint8Array.of(0xff, 0));
    page.push('é', { key: 7 });
    assert.deepEqual([page.length, page.bytes], [2, 6]);
    page.againAfterMs = 2 ** 40;
  }).fetch();
  assert.deepEqual(page.events.map(({ payload, key }) => [[...payload.bytes], key]), [[[0xff, 0], undefined], [[0x22, 0xc3, 0xa9, 0x22], '7']]);
  assert.equal(page.againAfterMs, 0xffffffff);
});

test('redirects of GET are followed, and not for ever', () => {
  const moved = (location) => ({ status: 302, headers: { location } });
  const api = {
    'https://a.example/p/1?q': moved('2?x=1/2'),
    'https://a.example/p/2?x=1/2': moved('//b.example/3'),
    'https://b.example/3': { body: 'here' },
    'https://a.example/loop': moved('/loop'),
  };
  const harness = fetching(() => {
    const answer = http.get('https://a.example/p/1?q');
    assert.deepEqual([answer.text(), answer.url], ['here', 'https://b.example/3']);
    assert.equal(http.post('https://a.example/p/1?q', '').status, 302);
    const endless = { name: 'HttpError', message: 'more than 5 redirects, the last to https://a.example/loop' };
    assert.throws(() => http.get('https://a.example/loop'), endless);
    for (const bad of ['a.example/x', 'https://', 'https:///x']) assert.throws(() => http.get(bad), /is not an absolute URL/);
  }, { http: api });
  harness.fetch();
  assert.deepEqual(harness.requests.slice(0, 3).map(({ url }) => url), Object.keys(api).slice(0, 3));
});

test('a sink asks, and an answer that is late is tried again', () => {
  const priced = defineSink({
    message: (message) => upsert(message.table, message.json().id, http.request('PUT', URL, { json: message.json(), timeoutMs: 50 }).json()),
  });
  const answer = ({ body, timeoutMs }) => {
    if (body.json.id === 'late') throw new HttpError(`no answer within ${timeoutMs} ms`);
    return { body: { price: 7 } };
  };
  const harness = sinkHarness(priced, { mappings: { '/n/t': 'orders' }, http: answer });
  const [write] = harness.process(delivered('/n/t', { id: 'a' })).writes;
  assert.deepEqual([write.document.json, harness.requests[0].headers], [{ price: 7 }, { 'content-type': 'application/json' }]);
  assert.throws(() => harness.process(delivered('/n/t', { id: 'late' })), { name: 'Retryable', message: 'no answer within 50 ms' });
});

test('a poller has a function fetch that waits for nothing', () => {
  assert.throws(() => definePollingSource({}), { message: 'a polling source has a function `fetch(room, page, context)`' });
  assert.throws(() => fetching(async () => {}).fetch(), { name: 'InvalidData', message: /fetch\(\) returned a promise/ });
});

test('the WIT is what a client uses of WASI', () => {
  const read = (file) => readFileSync(new globalThis.URL(file, import.meta.url), 'utf8');
  const items = (file) => read(file).replaceAll('http:io', 'wasi:io').replaceAll(/@[0-9.]+/g, '').split('\n').slice(1);
  for (const [folder, name] of [['wasi-clocks', 'clocks'], ['wasi-http', 'http'], ['http-io', 'io']]) {
    assert.deepEqual(readdirSync(new globalThis.URL(`../../wasi/${name}`, import.meta.url)), [`${name}.wit`]);
    assert.deepEqual(items(`../wit/deps/${folder}/${name}.wit`), items(`../../wasi/${name}/${name}.wit`));
  }
});
