import type { RequestProofPlan } from '../plan/proof.ts';
import type { Param } from './name-value-pairs.ts';

/**
 * The parameters of a proof's request (RFC 3875 section 4.1): those that nginx sends with its fastcgi_params for a
 * GET, so that flup and frameworks miss none. `params` of the plan win.
 */
export function proofParams({ path, host, headers, params }: RequestProofPlan): readonly Param[] {
  const [script = '', ...query] = path.split('?');
  const made: readonly Param[] = [
    ['GATEWAY_INTERFACE', 'CGI/1.1'],
    ['SERVER_SOFTWARE', 'runfcgid'],
    ['SERVER_PROTOCOL', 'HTTP/1.1'],
    ['SERVER_NAME', host.replace(/:\d*$/, '')],
    ['SERVER_ADDR', '127.0.0.1'],
    ['SERVER_PORT', '80'],
    ['REMOTE_ADDR', '127.0.0.1'],
    ['REMOTE_PORT', '0'],
    ['REQUEST_SCHEME', 'http'],
    ['REQUEST_METHOD', 'GET'],
    ['REQUEST_URI', path],
    ['DOCUMENT_URI', script],
    ['SCRIPT_NAME', ''],
    ['PATH_INFO', percentDecoded(script)],
    ['QUERY_STRING', query.join('?')],
    ['CONTENT_TYPE', ''],
    ['CONTENT_LENGTH', ''],
    // php-cgi refuses to run without it when built with force-cgi-redirect.
    ['REDIRECT_STATUS', '200'],
    ['HTTP_HOST', host],
    ['HTTP_USER_AGENT', 'runfcgid-proof'],
    ...Object.entries(headers).map(
      ([name, value]): Param => [`HTTP_${name.toUpperCase().replaceAll('-', '_')}`, value],
    ),
    ...Object.entries(params),
  ];
  return [...new Map(made)];
}

/** As bytes: what a path encodes need not be UTF-8. */
function percentDecoded(path: string): Buffer {
  const decoded = path.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(decoded, 'latin1');
}
