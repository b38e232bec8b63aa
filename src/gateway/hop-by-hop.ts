/** Headers that belong to one connection and are never passed on (RFC 9110 section 7.6.1). */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The names, in lower case, that must not be passed on: the fixed ones and those that `Connection` lists. */
export function hopByHopNames(
  headers: readonly (readonly [name: string, value: string])[],
): ReadonlySet<string> {
  const listed = headers
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.split(','))
    .map((name) => name.trim().toLowerCase());
  return new Set([...hopByHop, ...listed]);
}
