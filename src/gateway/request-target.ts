/** Where a request goes, as a web server understands its first line. */
export interface RequestTarget {
  /** Decoded and without dot segments or doubled slashes; bytes as Latin-1 characters. Begins with a slash. */
  readonly path: string;
  /** Without the question mark; empty when there is none. */
  readonly query: string;
  /** As the client wrote it, without scheme and host: REQUEST_URI. */
  readonly uri: string;
}

const absoluteForm = /^https?:\/\/[^/?#]+/i;
const brokenEscape = /%(?![0-9a-f]{2})/i;

/**
 * Reads the target of a request line, in origin or absolute form (RFC 9112 section 3.2), and normalises its path
 * as nginx does. `undefined` when it is malformed or leads above the root.
 */
export function parseTarget(text: string): RequestTarget | undefined {
  const uri = withoutFragment(text.replace(absoluteForm, '')) || '/';
  if (uri.startsWith('?')) return parseTarget(`/${uri}`);
  if (!uri.startsWith('/')) return undefined;
  const queryMark = uri.indexOf('?');
  const rawPath = queryMark === -1 ? uri : uri.slice(0, queryMark);
  const query = queryMark === -1 ? '' : uri.slice(queryMark + 1);
  const path = normalise(rawPath);
  return path === undefined ? undefined : { path, query, uri };
}

function withoutFragment(text: string): string {
  const mark = text.indexOf('#');
  return mark === -1 ? text : text.slice(0, mark);
}

function normalise(rawPath: string): string | undefined {
  if (brokenEscape.test(rawPath)) return undefined;
  const decoded = rawPath.replace(/%([0-9a-f]{2})/gi, (_all, digits) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  if (decoded.includes('\0')) return undefined;
  const kept: string[] = [];
  const segments = decoded.split('/');
  for (const segment of segments) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') kept.push(segment);
    else if (kept.pop() === undefined) return undefined;
  }
  const isDirectory = ['', '.', '..'].includes(segments.at(-1) ?? '');
  return kept.length === 0 ? '/' : `/${kept.join('/')}${isDirectory ? '/' : ''}`;
}
