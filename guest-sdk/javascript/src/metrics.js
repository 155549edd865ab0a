// Numbers for the connector's metrics page.
import { counterAdd, gaugeSet, observe } from '#host';

export const metrics = {
  add(name, value = 1) {
    if (!(typeof value === 'bigint' || Number.isInteger(value)) || value < 0) {
      throw new TypeError(`the counter ${name} takes a whole number that is not negative, not ${value}`);
    }
    counterAdd(name, value);
  },
  set: (name, value) => gaugeSet(name, Number(value)),
  observe: (name, value) => observe(name, Number(value)),
};
