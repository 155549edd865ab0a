// A source: an order becomes one record a line.
import { InvalidData, defineSource, record, text } from 'danube-connector';

export const source = defineSource({
  // The table `[sources.config]` of the pipeline file: `keyField` is `key_field` there. The field of an order whose value is
  // the key of its records.
  settings: { keyField: text({ default: 'id' }) },

  // What it reads of an event beside its payload, such as 'headers'. What is left out is not sent.
  wants: [],

  // Change here what an event becomes: no record, one, or several. A thrown error refuses this one event.
  event(event, { settings }) {
    const order = event.json();
    const key = order[settings.keyField];
    if (!order.lines?.length) throw new InvalidData(`order ${key} has no lines`);
    return order.lines.map((line) => record(event.topic, line, { key }));
  },
});
