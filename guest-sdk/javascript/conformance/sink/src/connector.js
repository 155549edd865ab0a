// A sink: a table holds the latest state of each device. One of the two subjects of the conformance suite.
import { Fatal, InvalidData, Retryable, defineSink, log, merge, metrics, remove, text, upsert } from 'danube-connector';

export const sink = defineSink({
  settings: { idField: text({ default: 'device' }) },
  wants: ['attributes', 'orders'],

  message(message, { settings }) {
    const reading = message.json();
    if (typeof reading !== 'object' || reading === null || Array.isArray(reading)) throw new InvalidData('a message is a JSON object');
    if (reading.fatal === true) throw new Fatal('told to stop');
    if (reading.retry === true) throw new Retryable('told to wait', 50);
    const id = reading[settings.idField];
    if (typeof id !== 'string' || id === '') throw new InvalidData(`no ${settings.idField}`);
    if (reading.panic === true) throw new Error(`device ${id} panics`);
    const operation = reading.gone === true ? 'delete' : reading.merge === true ? 'merge' : 'upsert';
    log.info(`device ${id}: ${operation}`);
    metrics.add('writes');
    if (typeof reading.celsius === 'number') metrics.set('celsius', reading.celsius);
    if (operation === 'delete') return remove(message.table, id, { order: message.order });
    const write = operation === 'merge' ? merge : upsert;
    return write(message.table, id, documentOf(message, reading, settings), { order: message.order });
  },
});

function documentOf({ attributes: { site } }, reading, { idField }) {
  const { [idField]: _id, merge: _merge, gone: _gone, ...document } = reading;
  return site === undefined ? document : { ...document, site };
}
