import { describe, expect, it } from 'vitest';
import { cgiParams, type HttpRequestHead } from '../../../src/gateway/cgi-params.ts';
import { parseTarget } from '../../../src/gateway/request-target.ts';

function paramsOf(
  changes: Partial<HttpRequestHead> & { uri?: string } = {},
  extra: Record<string, string> = {},
): Map<string, string> {
  const target = parseTarget(changes.uri ?? '/');
  if (target === undefined) throw new Error('the test has a malformed target');
  const params = cgiParams(
    {
      method: 'GET',
      target,
      httpVersion: '1.1',
      headers: [['Host', 'example.org:8000']],
      contentLength: undefined,
      local: { address: '127.0.0.1', port: 8000 },
      remote: { address: '192.0.2.7', port: 51_234 },
      ...changes,
    },
    extra,
  );
  return new Map(params.map(([name, value]) => [name, Buffer.from(value).toString('latin1')]));
}

describe('the CGI variables of a request', () => {
  it('are those that nginx sends to an application at the root', () => {
    expect(Object.fromEntries(paramsOf({ uri: '/a%20b/c?x=1' }))).toEqual({
      GATEWAY_INTERFACE: 'CGI/1.1',
      SERVER_SOFTWARE: 'fcgictl-gateway',
      SERVER_PROTOCOL: 'HTTP/1.1',
      SERVER_NAME: 'example.org',
      SERVER_ADDR: '127.0.0.1',
      SERVER_PORT: '8000',
      REMOTE_ADDR: '192.0.2.7',
      REMOTE_PORT: '51234',
      REQUEST_SCHEME: 'http',
      REQUEST_METHOD: 'GET',
      REQUEST_URI: '/a%20b/c?x=1',
      DOCUMENT_URI: '/a b/c',
      SCRIPT_NAME: '',
      PATH_INFO: '/a b/c',
      QUERY_STRING: 'x=1',
      CONTENT_TYPE: '',
      CONTENT_LENGTH: '',
      REDIRECT_STATUS: '200',
      HTTP_HOST: 'example.org:8000',
      HTTP_X_FORWARDED_FOR: '192.0.2.7',
    });
  });

  it('describe the body', () => {
    const params = paramsOf({
      method: 'POST',
      contentLength: 12,
      headers: [
        ['Content-Type', 'text/plain'],
        ['Content-Length', '12'],
        ['Expect', '100-continue'],
      ],
    });
    expect(params.get('CONTENT_LENGTH')).toBe('12');
    expect(params.get('CONTENT_TYPE')).toBe('text/plain');
    for (const name of ['HTTP_CONTENT_LENGTH', 'HTTP_CONTENT_TYPE', 'HTTP_EXPECT', 'HTTPS']) {
      expect(params.has(name), name).toBe(false);
    }
  });

  it('join repeated headers, cookies in their own way, and keep the first Host', () => {
    const params = paramsOf({
      headers: [
        ['Host', 'a'],
        ['host', 'b'],
        ['Accept', 'text/html'],
        ['accept', 'text/plain'],
        ['Cookie', 'a=1'],
        ['Cookie', 'b=2'],
      ],
    });
    expect(params.get('HTTP_ACCEPT')).toBe('text/html, text/plain');
    expect(params.get('HTTP_COOKIE')).toBe('a=1; b=2');
    expect(params.get('HTTP_HOST')).toBe('a');
    expect(params.get('SERVER_NAME')).toBe('a');
  });

  it('let no header pass for another one or set a proxy', () => {
    const params = paramsOf({
      headers: [
        ['Proxy', 'http://evil'],
        ['X_User', 'root'],
        ['X.User', 'root'],
        ['X-User', 'me'],
      ],
    });
    expect(params.has('HTTP_PROXY')).toBe(false);
    expect([...params.keys()].filter((name) => name.includes('USER'))).toEqual(['HTTP_X_USER']);
    expect(params.get('HTTP_X_USER')).toBe('me');
  });

  it('leave out what belongs to the connection', () => {
    const params = paramsOf({
      headers: [
        ['Connection', 'keep-alive, X-Hop'],
        ['Keep-Alive', '1'],
        ['TE', 'trailers'],
        ['Transfer-Encoding', 'chunked'],
        ['Upgrade', 'h2c'],
        ['X-Hop', 'a'],
        ['X-End', 'b'],
      ],
    });
    const headers = [...params.keys()].filter((name) => name.startsWith('HTTP_'));
    expect(headers).toEqual(['HTTP_X_END', 'HTTP_X_FORWARDED_FOR']);
  });

  it('continue X-Forwarded-For with the address of the client', () => {
    const params = paramsOf({
      headers: [
        ['X-Forwarded-For', '198.51.100.1'],
        ['X-Forwarded-For', '198.51.100.2'],
      ],
    });
    expect(params.get('HTTP_X_FORWARDED_FOR')).toBe('198.51.100.1, 198.51.100.2, 192.0.2.7');
  });

  it('carry bytes unchanged', () => {
    const params = paramsOf({ uri: '/%E9%FF', headers: [['X-Name', '\xe9']] });
    expect(params.get('PATH_INFO')).toBe('/\xe9\xff');
    expect(params.get('HTTP_X_NAME')).toBe('\xe9');
  });

  it('name the server by its address without a Host, and understand IPv6', () => {
    expect(paramsOf({ headers: [] }).get('SERVER_NAME')).toBe('127.0.0.1');
    expect(paramsOf({ headers: [['Host', '[::1]:8000']] }).get('SERVER_NAME')).toBe('[::1]');
    expect(paramsOf({ headers: [['Host', '']] }).get('SERVER_NAME')).toBe('127.0.0.1');
  });

  it('give way to the variables of the operator', () => {
    const params = paramsOf({}, { SCRIPT_FILENAME: '/srv/index.php', PATH_INFO: '' });
    expect(params.get('SCRIPT_FILENAME')).toBe('/srv/index.php');
    expect(params.get('PATH_INFO')).toBe('');
  });
});
