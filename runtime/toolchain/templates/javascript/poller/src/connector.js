// A source that asks an API for its events: each order is one, and becomes a record.
import { InvalidData, Retryable, definePollingSource, http, state, text } from 'danube-connector';

const PAGE = 100;

export const source = definePollingSource({
  // The table `[sources.config]` of the pipeline file. The host of `url` is in `grants.http.hosts`.
  settings: { url: text() },

  // What `event` reads beside the payload, such as 'ids' or 'attributes'. What is left out is not sent.
  wants: [],

  // Change here what is asked for. The state is durable once the events of this page are; a call that fails changes nothing of
  // it. An HttpError, thrown where there is no answer, is tried again after a wait, as Retryable is.
  fetch(room, page, { settings }) {
    const after = state.getText('after') ?? '0';
    const answer = http.get(`${settings.url}?after=${after}&limit=${Math.min(room.events, PAGE)}`, {
      headers: { authorization: 'secret:orders' }, // the host sends the credential in place of its name
      timeoutMs: 10_000,
    });
    if (!answer.ok) throw new Retryable(`${answer.url} answered ${answer.status}`);
    const { orders, more } = answer.json();
    for (const order of orders) {
      page.push(order, { id: order.id });
      state.set('after', String(order.id));
    }
    if (more) page.againAfterMs = 0;
  },

  // Change here what an event becomes: no record, one, or several. InvalidData refuses this one event.
  event(event) {
    const order = event.json();
    if (!order.customer) throw new InvalidData(`order ${order.id} has no customer`);
    return event.forward({ key: order.customer });
  },
});
