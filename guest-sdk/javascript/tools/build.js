#!/usr/bin/env node
// Bundles a connector and makes a component of it: `danube-connector-build ENTRY --kind source|poller|sink --out FILE.wasm`.
// The packages that it needs (rolldown and an engine) are the connector's own, in the versions that its package.json pins.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.js';
import { ENGINES } from './engines.js';
import { withStandardNames } from './imports.js';

/** The world of each kind; one that asks has another. */
const WORLDS = { source: 'source-connector', poller: 'polling-source-connector', sink: 'sink-connector' };
const SDK = resolve(dirname(fileURLToPath(import.meta.url)), '..');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kind: { type: 'string' },
    engine: { type: 'string', default: 'quickjs' },
    out: { type: 'string' },
  },
});

try {
  await build(positionals[0], values);
} catch (error) {
  console.error(error?.message ?? error);
  process.exitCode = 1;
}

async function build(entry, { kind, engine, out }) {
  const componentize = ENGINES[engine];
  if (!entry || !out || !Object.hasOwn(WORLDS, kind ?? '')) {
    throw new Error('usage: danube-connector-build ENTRY --kind source|poller|sink --out FILE.wasm [--engine quickjs|starlingmonkey]');
  }
  if (!componentize) throw new Error(`there is no engine \`${engine}\`: there are ${Object.keys(ENGINES).join(', ')}`);
  mkdirSync(dirname(out), { recursive: true });
  const { code, table, imports } = await bundle(entry, kind, engine);
  const asks = imports.some((name) => name.startsWith('wasi:http/'));
  const file = join(dirname(out), `${kind}.bundle.js`);
  writeFileSync(file, code);
  const made = componentize({ file, source: code, wit: join(SDK, 'wit'), world: `${WORLDS[kind]}${asks ? '-with-http' : ''}` });
  const component = await made.catch((error) => {
    throw new Error(inAuthorsLines(String(error?.message ?? error), table));
  });
  writeFileSync(out, withStandardNames(component));
}

/** What an engine says of the bundle, said of the files that it was made of. */
function inAuthorsLines(message, { files, lines }) {
  return message.replace(/[^\s(@]*\.bundle\.js:(\d+)/g, (place, line) => {
    const at = lines[line - 1];
    return at ? `${files[at[0]]}:${at[1]}` : place;
  });
}
