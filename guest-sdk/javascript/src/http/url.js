// URLs, as far as requests need them: the engine of a component may have none.
import { HttpError } from './error.js';

/** Scheme, authority, and path with query of an absolute URL. */
export function split(url) {
  const [, scheme, authority, path] = /^([^:/?#]+):\/\/([^/?#]+)([^#]*)/.exec(url) ?? [];
  if (!authority) throw new HttpError(`\`${url}\` is not an absolute URL such as \`https://api.example.com/items\``);
  return { scheme, authority, path };
}

/** Where a redirect from `base` leads to. */
export function join(base, location) {
  const { scheme, authority, path } = split(base);
  if (/^[^:/?#]+:\/\//.test(location)) return location;
  if (location.startsWith('//')) return `${scheme}:${location}`;
  if (location.startsWith('/')) return `${scheme}://${authority}${location}`;
  const file = path.split('?')[0];
  const folder = location.startsWith('?') ? file : file.slice(0, file.lastIndexOf('/') + 1);
  return `${scheme}://${authority}${folder || '/'}${location}`;
}
