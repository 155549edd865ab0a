// What a message may become: writes.
import { InputPayload } from '../columns/outputs.js';
import { payloadOf } from '../outputs.js';

/** Operations, by the numbers that cross. */
export const OPERATIONS = ['insert', 'upsert', 'merge', 'delete'];

export class Write {
  constructor(operation, target, payload, { id, order = 0n, from } = {}) {
    Object.assign(this, { operation, target, payload, id, order, from });
  }
}

/** Inserts a document unless it is there. Without an id, the host makes one from the message's. */
export const insert = (table, document, options) => new Write('insert', table, payloadOf(document), options);
/** Replaces the document of this id, or creates it. */
export const upsert = (table, id, document, options) => new Write('upsert', table, payloadOf(document), { ...options, id });
/** Sets the given fields of the document of this id, or creates it. */
export const merge = (table, id, fields, options) => new Write('merge', table, payloadOf(fields), { ...options, id });
/** Removes the document of this id. */
export const remove = (table, id, options) => new Write('delete', table, '', { ...options, id });

/** The message's own payload, unchanged. It does not cross the sandbox again. */
export function forward(message, table = message.table, { operation = 'insert', ...options }) {
  return new Write(operation, table, new InputPayload(message.place), options);
}
