import { type CgiHead, headerValue } from '../probes/cgi-head.ts';
import { hopByHopNames } from './hop-by-hop.ts';

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  /** Names and values in turn, as `writeHead` takes them; duplicates kept. */
  readonly headers: readonly string[];
  /** The announced length of the body; `undefined` when unknown. */
  readonly contentLength: number | undefined;
  /** False for answers that never have a body on the wire (RFC 9110 section 6.4.1). */
  readonly hasBody: boolean;
}

const decimal = /^\d{1,15}$/;
const statusesWithoutBody = new Set([204, 304]);

/**
 * The HTTP header for a CGI response to a request with `method`.
 *
 * @throws SyntaxError with a phrase about the application when its Content-Length is not one number.
 */
export function responseHead(head: CgiHead, method: string): ResponseHead {
  const dropped = hopByHopNames(head.headers);
  const kept = head.headers.filter(([name]) => !dropped.has(name.toLowerCase()));
  const lengths = new Set(
    kept.filter(([name]) => name.toLowerCase() === 'content-length').map(([, value]) => value),
  );
  const length = headerValue(head, 'content-length');
  if (lengths.size > 1 || (length !== undefined && !decimal.test(length))) {
    throw new SyntaxError(`sent Content-Length ${JSON.stringify([...lengths].join(', '))}`);
  }
  return {
    status: head.status,
    reason: head.reason,
    headers: withoutRepeatedLength(kept).flat(),
    contentLength: length === undefined ? undefined : Number(length),
    hasBody: method !== 'HEAD' && !statusesWithoutBody.has(head.status),
  };
}

function withoutRepeatedLength(
  headers: readonly (readonly [string, string])[],
): (readonly [string, string])[] {
  const first = headers.findIndex(([name]) => name.toLowerCase() === 'content-length');
  return headers.filter(([name], index) => index === first || name.toLowerCase() !== 'content-length');
}
