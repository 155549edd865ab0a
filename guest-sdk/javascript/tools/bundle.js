// One module of a connector, its SDK and its packages, which knows the author's lines.
import { SourceMap } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const SDK_SOURCE = resolve(dirname(fileURLToPath(import.meta.url)), '../src');
/** What engines provide by themselves. */
const HOST = /^(danube|wasi):/;

/** What is bundled: the connector under the names that a component exports. */
const EXPORTS = '\0danube-connector:exports';
const DEFINED_BY = { source: 'defineSource', poller: 'definePollingSource', sink: 'defineSink' };

// Run when the component is built.
const POLLER = `import * as connector from ENTRY;
export const poller = connector.source;
if (typeof poller?.fetch !== 'function') throw new Error('connector.toml says kind = "poller": make \`source\` by definePollingSource()');
`;

const UNRESOLVED =
  'Install the package with `npm install`. Modules of Node.js itself, such as node:fs, are not there: a connector has no files and no network but `http`.';

/** Bundles an entry: its code, and where its lines came from. Throws what the bundler says of the source, which shows its lines. */
export async function bundle(entry, kind, engine) {
  const unresolved = [];
  const bundled = await rolldown({
    input: EXPORTS,
    plugins: [exporting(entry, kind)],
    external: HOST,
    platform: 'neutral',
    resolve: {
      conditionNames: [`danube-${engine}`, 'import', 'module', 'default'],
      mainFields: ['module', 'main'],
      // TypeScript's own spelling of an import of `./other.ts`.
      extensionAlias: { '.js': ['.ts', '.js'] },
    },
    onLog: (level, { code, message }) => {
      if (code === 'UNRESOLVED_IMPORT') unresolved.push(message);
      else console.error(`${level}: ${message}`);
    },
  });
  try {
    const { output } = await bundled.generate({ format: 'esm', dir: '.', sourcemap: true, codeSplitting: false });
    if (unresolved.length > 0) throw new Error([...unresolved, UNRESOLVED].join('\n'));
    const [chunk] = output;
    check(entry, kind, chunk);
    const table = lineTable(chunk);
    const code = chunk.code.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n');
    return { code: `${code}globalThis[Symbol.for('danube-connector.lines')] = ${JSON.stringify(JSON.stringify(table))};\n`, table, imports: chunk.imports };
  } finally {
    await bundled.close();
  }
}

/** A module that exports what the entry does, a polling source under both of its names. */
function exporting(entry, kind) {
  const file = JSON.stringify(resolve(entry));
  const code = `export * from ${file};\n${kind === 'poller' ? POLLER.replace('ENTRY', () => file) : ''}`;
  return {
    name: 'danube-connector',
    resolveId: (id) => (id === EXPORTS ? id : undefined),
    load: (id) => (id === EXPORTS ? code : undefined),
  };
}

/** Refuses what would be no component of its kind, in words of the connector. */
function check(entry, kind, chunk) {
  const name = kind === 'poller' ? 'source' : kind;
  if (!chunk.exports.includes(name)) {
    throw new Error(`${entry} exports no \`${name}\`: write \`export const ${name} = ${DEFINED_BY[kind]}({ … })\``);
  }
  if (kind !== 'poller' && chunk.imports.some((module) => module.startsWith('danube:connector/state'))) {
    throw new Error(`${entry} uses \`state\`, which polling sources have: write \`kind = "poller"\` in connector.toml, or leave it out`);
  }
}

/** For each line of the bundle the file and line that it came from. The bundle has it as text, which `uncaught.js` reads. */
function lineTable({ code, map }) {
  const sources = new SourceMap(map);
  const files = [];
  const lines = code.split('\n').map((line, i) => {
    const { originalSource, originalLine } = sources.findEntry(i, line.search(/\S/)) ?? {};
    if (originalSource === undefined) return 0;
    const file = named(originalSource);
    if (!files.includes(file)) files.push(file);
    return [files.indexOf(file), originalLine + 1];
  });
  return { files, lines };
}

/** A file by its path in the connector's folder; one of the SDK by its name. */
function named(source) {
  const file = resolve(source);
  return file.startsWith(`${SDK_SOURCE}/`) ? `danube-connector/src/${relative(SDK_SOURCE, file)}` : relative(process.cwd(), file);
}
