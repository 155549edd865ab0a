import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choice, flag, integer, json, list, number, text } from 'danube-connector';
import { parseConfiguration, readSettings } from '../src/settings.js';

const schema = { keyField: text({ default: 'id' }), loud: flag({ default: false }), size: integer(), unit: choice(['c', 'f'], { default: 'c' }) };
const read = (given) => readSettings(schema, given, 'rows');

test('names are spelled with `_` in the pipeline file', () => {
  assert.deepEqual(read({ key_field: 'k', size: 3 }), { keyField: 'k', loud: false, size: 3, unit: 'c' });
});

test('what does not fit names the setting, the connector and what it is', () => {
  const refused = (given, message) => assert.throws(() => read(given), { kind: 'configuration', message });
  refused({ key_feld: 'x', size: 1 }, 'unknown setting `key_feld` of `rows`: known are `key_field`, `loud`, `size`, `unit`');
  refused({}, 'the setting `size` of `rows` is missing: it is a whole number');
  refused({ size: 1.5 }, 'the setting `size` of `rows` is a whole number, not 1.5');
  refused({ size: 1, unit: 'k' }, 'the setting `unit` of `rows` is one of `c`, `f`, not "k"');
});

test('lists, numbers and values of any shape', () => {
  const shapes = { names: list(text(), { default: [] }), ratio: number({ default: null }), table: json({ default: {} }) };
  assert.deepEqual(readSettings(shapes, { names: ['a'], table: { x: [1] } }, 'rows'), { names: ['a'], ratio: null, table: { x: [1] } });
  assert.throws(() => readSettings(shapes, { names: ['a', 1] }, 'rows'), { message: /a list, each a text/ });
});

test('a connector without settings has none, and settings that are not JSON are said to be', () => {
  assert.throws(() => readSettings({}, { x: 1 }, 'rows'), { message: 'unknown setting `x` of `rows`: it has none' });
  assert.deepEqual(readSettings({}, null, 'rows'), {});
  assert.throws(() => parseConfiguration({ connector: 'rows', settings: '{' }), { kind: 'configuration' });
});
