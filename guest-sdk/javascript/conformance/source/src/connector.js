// A source: an order becomes one record a line. One of the two subjects of the conformance suite.
import { InvalidData, defineSource, flag, log, metrics, record, reply, text } from 'danube-connector';

export const source = defineSource({
  settings: { keyField: text({ default: 'id' }), forward: flag({ default: false }) },
  wants: ['headers'],

  event(event, { settings }) {
    if (settings.forward) {
      metrics.add('orders');
      return event.forward({ attributes: attributesOf(event) });
    }
    const order = event.json();
    if (typeof order !== 'object' || order === null || Array.isArray(order)) throw new InvalidData('an order is a JSON object');
    if (typeof order.id !== 'string' || order.id === '') throw new InvalidData('an order needs an id');
    if (order.panic === true) throw new Error(`order ${order.id} panics`);
    if (!Array.isArray(order.lines) || order.lines.length === 0) throw new InvalidData(`order ${order.id} has no lines`);
    const summary = `order ${order.id}: ${order.lines.length} lines`;
    log.info(summary);
    metrics.add('orders');
    const records = order.lines.map((item, line) => lineRecord(event, order, item, line, settings));
    return order.ask === true ? [...records, reply(202, summary, { contentType: 'text/plain' })] : records;
  },
});

function lineRecord(event, order, item, line, { keyField }) {
  return record(event.topic, { order: order.id, line, item }, {
    id: `${order.id}:${line}`,
    key: keyOf(order[keyField]),
    attributes: attributesOf(event),
  });
}

function attributesOf(event) {
  const tenant = event.headers['x-tenant'];
  return tenant === undefined ? undefined : { tenant };
}

function keyOf(value) {
  if (value === undefined || value === null || value === '') return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
