// Lines for the connector's log.
import { enabled, logLine } from '#host';

const write = (level) => (message) => {
  if (enabled(level)) logLine(level, String(typeof message === 'function' ? message() : message));
};

export const log = {
  trace: write('trace'),
  debug: write('debug'),
  info: write('info'),
  warn: write('warn'),
  error: write('error'),
  enabled: (level) => enabled(level),
};
