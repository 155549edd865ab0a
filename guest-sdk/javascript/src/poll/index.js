// Sources that ask for their events themselves.
import { call } from '../boundary.js';
import { InvalidData } from '../errors.js';
import { DEFINITION } from '../input.js';
import { Source } from '../source/index.js';
import { PageBuilder } from './page.js';

/** The exports `source` and `poller` of a component: the build gives it both names. */
export function definePollingSource(definition) {
  const whole = withEvent(definition);
  return { ...new PollingSource(whole).exports(), [DEFINITION]: whole };
}

/** What was fetched becomes a record as it is, with its key, where the connector has no function of its own. */
function withEvent(definition) {
  if (definition.event ?? definition.events) return definition;
  return { ...definition, wants: ['keys'], event: (event) => event.forward({ key: event.keyBytes }) };
}

/** One instance of a source that fetches. */
export class PollingSource extends Source {
  #fetch;

  constructor(definition) {
    super(definition);
    if (typeof definition.fetch !== 'function') throw new TypeError('a polling source has a function `fetch(room, page, context)`');
    this.#fetch = definition.fetch;
  }

  exports() {
    // A later fetch may get another answer: an error that nobody meant is tried again, too.
    return { ...super.exports(), fetch: (room) => call('fetch', () => this.#page(room), InvalidData) };
  }

  #page({ events, bytes }) {
    const page = new PageBuilder();
    const made = this.#fetch({ events, bytes }, page, this.context);
    if (typeof made?.then === 'function') {
      throw new TypeError('fetch() returned a promise: a connector has nothing to wait for, make it an ordinary function');
    }
    return page.finish();
  }
}
