// One module of a connector, its SDK and its packages, which knows the author's lines.
import { SourceMap } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const SDK_SOURCE = resolve(dirname(fileURLToPath(import.meta.url)), '../src');
/** What engines provide by themselves. */
const HOST = /^(danube|wasi):/;

const UNRESOLVED =
  'Install the package with `npm install`. Modules of Node.js itself, such as node:fs, are not there: a connector has no files and no network.';

/** Bundles an entry: its code, and where its lines came from. Throws what the bundler says of the source, which shows its lines. */
export async function bundle(entry, kind, engine) {
  const unresolved = [];
  const bundled = await rolldown({
    input: entry,
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
    if (!chunk.exports.includes(kind)) {
      throw new Error(`${entry} exports no \`${kind}\`: write \`export const ${kind} = ${kind === 'source' ? 'defineSource' : 'defineSink'}({ … })\``);
    }
    const table = lineTable(chunk);
    const code = chunk.code.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n');
    return { code: `${code}globalThis[Symbol.for('danube-connector.lines')] = ${JSON.stringify(JSON.stringify(table))};\n`, table };
  } finally {
    await bundled.close();
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
