// A source that fetches the orders of a feed. One of the subjects of the conformance suite.
import { Fatal, Retryable, definePollingSource, http, integer, state, text } from 'danube-connector';

const CURSOR = 'cursor';

export const source = definePollingSource({
  settings: { url: text(), timeoutMs: integer({ default: 1000 }) },

  fetch(room, page, { settings }) {
    const after = state.getText(CURSOR) ?? '0';
    const answer = asked(after, room, settings);
    for (const order of answer.orders) {
      page.push(order, { id: order.id, key: order.customer, attributes: { page: after } });
    }
    if (answer.next) state.set(CURSOR, answer.next);
    if (answer.reset) state.delete(CURSOR);
    if (answer.panic) throw new Error('the feed panics');
    page.againAfterMs = answer.more ? 0 : answer.again_ms;
    if (answer.ack) acknowledge(answer.ack, settings);
  },
});

function asked(after, room, settings) {
  const answer = request('GET', `${settings.url}?after=${encodeURIComponent(after)}&limit=${room.events}`, settings);
  if (!answer.ok) {
    const seconds = answer.header('retry-after');
    throw new Retryable(`the feed answered ${answer.status}`, seconds && Number(seconds) * 1000);
  }
  return answer.json();
}

function acknowledge(token, settings) {
  const { status } = request('POST', `${settings.url}/ack`, settings, { ack: token });
  if (status !== 204) throw new Fatal('the feed refused the ack');
}

const request = (method, url, { timeoutMs }, json) =>
  http.request(method, url, { headers: { authorization: 'secret:feed' }, json, timeoutMs });
