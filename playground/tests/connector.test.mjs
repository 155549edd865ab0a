// The components of the conformance suite in JavaScript: what comes of a record here is what comes of it in the host.
//
// GUESTS names the folder of components; without them there is nothing to test.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'node:test';

import { bundle, page } from '../build.mjs';
import { attributes, attributesOf, blob, blobs, label, labels, text } from '../src/columns.js';
import { lines } from '../src/page.js';

const GUESTS = process.env.GUESTS ?? new URL('../../target/guests', import.meta.url).pathname;
const ENTRY = `
  export { program, role, wasi } from './program.js';
  export { Connector } from 'playground-src/connector.js';`;

async function connector(name) {
  const folder = await mkdtemp(join(tmpdir(), 'playground-'));
  const file = join(folder, 'bundle.mjs');
  await writeFile(file, await bundle(join(GUESTS, `${name}.wasm`), ENTRY));
  const { Connector, program, wasi, role } = await import(pathToFileURL(file));
  await rm(folder, { recursive: true });
  return new Connector(program, wasi, role);
}

const SOURCE = { endpoints: [{ path: '/orders', danube_topic: '/shop/lines' }] };
const order = (payload) => ({ endpoint: '/orders', payload });

test('a source makes records, refuses and logs', async () => {
  const orders = await connector('order_lines');
  const inputs = [
    order({ id: '7', lines: [{ sku: 'a' }, { sku: 'b' }] }),
    { endpoint: '/orders', text: '{' },
    order({ id: '8', lines: [] }),
  ];
  const result = await orders.call(inputs, SOURCE);
  assert.equal(result.trap, undefined);
  assert.deepEqual(result.outputs[0], {
    from: [0],
    topic: '/shop/lines',
    id: '7:0',
    key: '7',
    payload: { order: '7', line: 0, item: { sku: 'a' } },
  });
  assert.deepEqual(result.outputs.map((output) => output.id), ['7:0', '7:1']);
  assert.deepEqual(result.rejected.map((rejection) => rejection.from), [[1], [2]]);
  assert.match(result.rejected[0].message, /^not JSON/);
  assert.equal(result.rejected[1].message, 'order 8 has no lines');
  assert.deepEqual(result.lines, [{ level: 'info', message: 'order 7: 2 lines' }]);
  assert.deepEqual(result.metrics, [{ counter: 'orders', add: 1 }]);
});

test('a payload that is an input of its own is shown as it was', async () => {
  const orders = await connector('order_lines');
  const settings = { ...SOURCE, config: { forward: true } };
  const { outputs } = await orders.call([order({ b: 1, a: 2 })], settings);
  assert.deepEqual(outputs[0].payload, { b: 1, a: 2 });
});

test('a sink makes writes', async () => {
  const sink = await connector('device_state');
  const settings = { topic_mappings: [{ topic: '/n/t', subscription: 's', table: 'devices' }] };
  const result = await sink.call([{ topic: '/n/t', payload: { device: 'a', celsius: 20 } }], settings);
  assert.equal(result.trap ?? result.failure?.message, undefined);
  assert.equal(result.outputs[0].write, 'upsert');
  assert.equal(result.outputs[0].target, 'devices');
  assert.equal(result.outputs[0].id, 'a');
});

test('refused settings and traps are told, and the next call is none the worse', async () => {
  const orders = await connector('order_lines');
  const refused = await orders.call([], { ...SOURCE, config: { key_feld: 'id' } });
  assert.equal(refused.failure.kind, 'configuration');
  assert.match(refused.failure.message, /key_feld/);
  const misbehaves = await connector('misbehave');
  const trapped = await misbehaves.call([order({ do: 'trap' })], SOURCE);
  assert.match(trapped.trap, /unreachable/);
  const fine = await misbehaves.call([order({ do: 'forward' })], SOURCE);
  assert.deepEqual(fine.outputs[0].payload, { do: 'forward' });
});

test('what is no connector is refused', async () => {
  await assert.rejects(bundle(new URL('../package.json', import.meta.url).pathname, ENTRY));
});

test('a page is one file that asks for nothing', async () => {
  const written = await page(join(GUESTS, 'order_lines.wasm'), '{"a": "<b>"}', '{}');
  assert.match(written, /&lt;b>/);
  assert.doesNotMatch(written, /\{\{\w+\}\}/);
  assert.doesNotMatch(written, /<(script|link|img)[^>]+(src|href)=/);
  assert.equal(written.match(/<\/script>/g).length, 1);
});

test('inputs are lines, or one value over several', () => {
  assert.deepEqual(lines('{"a": 1}\n\n{"a": 2}\n'), [{ a: 1 }, { a: 2 }]);
  assert.deepEqual(lines('{\n"a": 1\n}'), [{ a: 1 }]);
  assert.throws(() => lines('{"a": 1}\n{'), /line 2/);
});

test('columns give what was put into them', () => {
  const values = blobs(['é', '', 'ab']);
  assert.deepEqual([0, 1, 2, 3].map((i) => text(blob(values, i))), ['é', '', 'ab', undefined]);
  const names = labels(['a', 'b', 'a']);
  assert.deepEqual([names.names, [0, 1, 2].map((i) => label(names, i))], [['a', 'b'], ['a', 'b', 'a']]);
  const rows = attributes([{ x: 1, y: 'z' }, undefined, { w: '' }]);
  assert.deepEqual([0, 1, 2].map((i) => attributesOf(rows, i)), [{ x: '1', y: 'z' }, {}, { w: '' }]);
});
