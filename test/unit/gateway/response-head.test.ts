import { describe, expect, it } from 'vitest';
import { type ResponseHead, responseHead } from '../../../src/gateway/response-head.ts';

function headOf(headers: [string, string][], method = 'GET', status = 200): ResponseHead {
  return responseHead({ status, isStatusNamed: true, reason: 'OK', headers }, method);
}

describe('the header of an answer', () => {
  it('keeps headers in order and repeated', () => {
    const head = headOf([
      ['Set-Cookie', 'a'],
      ['Content-Length', '5'],
      ['Set-Cookie', 'b'],
    ]);
    expect(head.headers).toEqual(['Set-Cookie', 'a', 'Content-Length', '5', 'Set-Cookie', 'b']);
    expect(head.contentLength).toBe(5);
  });

  it('loses what belongs to the connection', () => {
    const head = headOf([
      ['Connection', 'close, X-Hop'],
      ['Transfer-Encoding', 'chunked'],
      ['Keep-Alive', 'timeout=5'],
      ['X-Hop', '1'],
      ['X-End', '2'],
    ]);
    expect(head.headers).toEqual(['X-End', '2']);
  });

  it('has no body for HEAD, 204 and 304, whatever length it announces', () => {
    expect(headOf([['Content-Length', '5']], 'HEAD')).toMatchObject({ hasBody: false, contentLength: 5 });
    expect(headOf([], 'GET', 204).hasBody).toBe(false);
    expect(headOf([], 'GET', 304).hasBody).toBe(false);
    expect(headOf([], 'POST', 404).hasBody).toBe(true);
  });

  it('takes a length that is repeated, and refuses two different ones and nonsense', () => {
    const same = headOf([
      ['Content-Length', '5'],
      ['content-length', '5'],
    ]);
    expect(same.headers).toEqual(['Content-Length', '5']);
    expect(() =>
      headOf([
        ['Content-Length', '5'],
        ['Content-Length', '6'],
      ]),
    ).toThrow('sent Content-Length "5, 6"');
    for (const length of ['-1', '1e3', 'x', '', '5, 5']) {
      expect(() => headOf([['Content-Length', length]]), length).toThrow('sent Content-Length');
    }
  });
});
