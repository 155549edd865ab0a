// The page: a record on the left, what came of it on the right.

/** Connects the page's elements with a connector. */
export function show(document, connector, title) {
  const at = (id) => document.getElementById(id);
  at('title').textContent = title;
  const run = async () => {
    let inputs;
    let settings;
    try {
      inputs = lines(at('events').value);
      settings = JSON.parse(at('settings').value || '{}');
    } catch (error) {
      fill(document, at('outputs'), [{ mistake: String(error.message) }]);
      return;
    }
    const result = await connector.call(inputs, settings);
    const wrong = result.trap ?? result.failure?.message;
    fill(document, at('outputs'), wrong ? [result.failure ? { failure: result.failure } : { trap: wrong }] : result.outputs);
    fill(document, at('rejected'), [...result.rejected, ...result.answers]);
    fill(
      document,
      at('log'),
      [...result.lines.map(({ level, message }) => `${level} ${message}`), ...result.metrics],
    );
    document.body.dataset.runs = String(Number(document.body.dataset.runs ?? 0) + 1);
  };
  at('run').addEventListener('click', run);
  return run();
}

/** Inputs, one JSON object a line, or one object over several lines. */
export function lines(written) {
  const whole = written.trim();
  try {
    const value = JSON.parse(whole);
    return Array.isArray(value) ? value : [value];
  } catch {
    return whole
      .split('\n')
      .filter((line) => line.trim())
      .map((line, i) => {
        try {
          return JSON.parse(line);
        } catch (error) {
          throw new Error(`line ${i + 1}: ${error.message}`);
        }
      });
  }
}

function fill(document, list, values) {
  list.replaceChildren(
    ...values.map((value) => {
      const item = document.createElement('pre');
      // As text: what a component returns is never part of the page.
      item.textContent = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
      return item;
    }),
  );
  if (values.length === 0) list.textContent = 'nothing';
}
