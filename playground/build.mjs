// Makes one page of a component: node build.mjs COMPONENT.wasm OUT.html [--events FILE] [--settings FILE]
//
// The component is transpiled to JavaScript and core modules (jco), bundled with what it needs of WASI in a browser, and put
// into the page with them: the page needs no server and no other file.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

/** The modules of the transpiler, in this folder or in the one that NODE_MODULES names. */
async function tools() {
  const folder = process.env.NODE_MODULES;
  const load = async (name, entry) => import(folder ? join(folder, name, entry) : name);
  const jco = await load('@bytecodealliance/jco-transpile', 'dist/index.js');
  const rolldown = await load('rolldown', 'dist/index.mjs');
  return { transpile: jco.transpileBytes, rolldown: rolldown.rolldown, modules: folder ?? join(here, 'node_modules') };
}

/** The bundled program of a component, as one ES module that exports `program`, `wasi` and `role`. */
export async function bundle(component, entry) {
  const { transpile, rolldown, modules } = await tools();
  const made = await transpile(await readFile(component), {
    name: 'connector',
    instantiation: 'async',
    noTypescript: true,
    noNodejsCompat: true,
    map: [],
  });
  const files = made.files instanceof Map ? [...made.files] : Array.isArray(made.files) ? made.files : Object.entries(made.files);
  const exports = made.exports.map(([name]) => name);
  const role = exports.includes('source') ? 'source' : exports.includes('sink') ? 'sink' : undefined;
  if (!role) throw new Error(`${component} is not a connector: it exports ${exports.join(', ') || 'nothing'}`);
  const interfaces = [...new Set(made.imports)].filter((name) => name.startsWith('wasi:'));
  const folder = await mkdtemp(join(here, '.build-'));
  try {
    for (const [name, bytes] of files) {
      if (name.endsWith('.js')) await writeFile(join(folder, basename(name)), bytes);
    }
    await writeFile(join(folder, 'program.js'), programOf(files, interfaces, role));
    await writeFile(join(folder, 'entry.js'), entry);
    const bundled = await rolldown({
      input: join(folder, 'entry.js'),
      platform: 'browser',
      resolve: { modules: [modules], alias: { 'playground-src': join(here, 'src') } },
      logLevel: 'silent',
    });
    const { output } = await bundled.generate({ format: 'esm', minify: true });
    return output[0].code;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The core modules, and the imports of WASI that the component has. */
function programOf(files, interfaces, role) {
  const cores = files.filter(([name]) => name.endsWith('.wasm'));
  const packages = [...new Set(interfaces.map((name) => name.slice('wasi:'.length).split('/')[0]))];
  const camel = (name) => name.replace(/-./g, (part) => part[1].toUpperCase());
  const lines = [
    `import { instantiate } from './connector.js';`,
    ...packages.map((name) => `import { ${name} } from '@bytecodealliance/preview2-shim';`),
    `const cores = {${cores.map(([name, bytes]) => `${JSON.stringify(name)}: "${Buffer.from(bytes).toString('base64')}"`)}};`,
    `const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));`,
    `const core = (name) => WebAssembly.compile(bytes(cores[name]));`,
    `export const program = { instantiate, core };`,
    `export const role = ${JSON.stringify(role)};`,
    `export const wasi = {${interfaces.map((name) => {
      const [group, part] = name.slice('wasi:'.length).split('/');
      return `${JSON.stringify(name)}: ${group}.${camel(part)}`;
    })}};`,
  ];
  return lines.join('\n');
}

/** The page of a component. */
export async function page(component, events, settings) {
  const entry = `
    import { program, role, wasi } from './program.js';
    import { Connector } from 'playground-src/connector.js';
    import { show } from 'playground-src/page.js';
    await show(document, new Connector(program, wasi, role), ${JSON.stringify(basename(component))});`;
  const script = await bundle(component, entry);
  const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  const template = await readFile(join(here, 'page.html'), 'utf8');
  // A function, so that `$` in the text stays what it is.
  const parts = { events: escaped(events), settings: escaped(settings), script: script.replace(/<\/script/g, '<\\/script') };
  return template.replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { events: { type: 'string' }, settings: { type: 'string' } },
  });
  const [component, out] = positionals;
  if (!component || !out) {
    console.error('node build.mjs COMPONENT.wasm OUT.html [--events FILE] [--settings FILE]');
    process.exit(2);
  }
  const text = async (file, otherwise) => (file ? readFile(file, 'utf8') : otherwise);
  const written = await page(
    component,
    await text(values.events, '{"endpoint": "/hook", "payload": {"id": "1"}}\n'),
    await text(values.settings, '{"endpoints": [{"path": "/hook", "danube_topic": "/default/events"}], "config": {}}\n'),
  );
  await writeFile(out, written);
  console.log(`${out}: ${Math.round(written.length / 1024)} KiB`);
}
