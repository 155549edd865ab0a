// A sink: the table holds the latest reading of each device.
import { InvalidData, defineSink, upsert } from 'danube-connector';

export const sink = defineSink({
  // The table `[sinks.config]` of the pipeline file: `minCelsius: number({ default: -50 })` is `min_celsius` there.
  settings: {},

  // What it reads of a message beside its payload, such as 'attributes'. What is left out is not sent.
  wants: ['orders'],

  // Change here what a message becomes: no write, one, or several. A thrown error makes a dead letter of this one message.
  message(message) {
    const { device, celsius } = message.json();
    if (!device) throw new InvalidData('no device');
    // With the message's order, an old reading never overwrites a newer one.
    return upsert(message.table, device, { celsius }, { order: message.order });
  },
});
