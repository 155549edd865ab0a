// The engines that a component can carry. Each package is loaded only where its engine is asked for.

export const ENGINES = { quickjs, starlingmonkey };

/** 1.6 MB, built in seconds: for nearly every connector. */
async function quickjs({ file, source, wit, world }) {
  const { componentize } = await import('componentize-qjs');
  // Without `sync` it imports the component model's async functions, which the host does not have.
  const { component } = await componentize({ witPath: wit, jsSource: source, jsPath: file, world, sync: true });
  return component;
}

/** 12 MB, built in a minute: for hot code. It needs `memory_bytes` of 96 MiB or more. */
async function starlingmonkey({ file, wit, world }) {
  const { componentize } = await import('@bytecodealliance/componentize-js');
  const { component } = await componentize({
    sourcePath: file,
    witPath: wit,
    worldName: world,
    // There is no network; without these, fetch and its events are imported.
    disableFeatures: ['http', 'fetch-event'],
  });
  return component;
}
