// What tsc accepts of the SDK, and what it refuses.
import { choice, defineSource, flag, integer, json, list, number, record, refuse, reply, text, defineSink, merge, remove, insert, Retryable, definePollingSource, http, state } from 'danube-connector';
export const source = defineSource({
  settings: { keyField: text({ default: 'id' }), size: integer(), unit: choice(['c', 'f'], { default: 'c' }), names: list(text()), opt: text({ default: null }), t: json<{ a: number }>() },
  initialize: ({ settings }) => ({ n: settings.size }),
  *event(event, { settings, state }) {
    const n: number = state.n + settings.size; const unit: 'c' | 'f' = settings.unit; const names: string[] = settings.names; const opt: string | null = settings.opt; const a: number = settings.t.a;
    yield record(event.topic, { n, unit, names, opt, a }, { key: n });
    yield reply(202, 'x', { contentType: 'text/plain' });
    // @ts-expect-error unknown setting
    settings.nope;
  },
});
// @ts-expect-error not a column
defineSource({ wants: ['bodies'], event() {} });
// @ts-expect-error not a unit
choice(['a'], { default: 'b' });
export const sink = defineSink({ messages(all, { mappings }) { if (all.length > 5) throw new Retryable('x', 50); return [merge(mappings[0]!.table!, 'x', {}, { from: all, order: all[0]!.order }), refuse(all, 'x')]; } });
export const poller = definePollingSource({
  settings: { url: text() },
  fetch(room, page, { settings }) {
    const answer = http.get(`${settings.url}?limit=${room.events}`, { headers: { a: 'b' }, timeoutMs: 5 });
    const after: string | undefined = state.getText('after');
    for (const { id } of answer.json<{ id: number }[]>()) page.push({ id, after }, { id, key: id, attributes: { x: 'y' } });
    if (answer.ok) page.againAfterMs = 0;
    // @ts-expect-error a value is a text or bytes
    state.set('n', 7);
    // @ts-expect-error not of a request
    http.get('x', { body: 'y' });
  },
});
// @ts-expect-error it fetches nothing
definePollingSource({ event() {} });
