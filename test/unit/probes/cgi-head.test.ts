import { describe, expect, it } from 'vitest';
import { headerValue } from '../../../src/probes/cgi-head.ts';
import { CgiHeadReader, type HeadAndRest } from '../../../src/probes/cgi-head-reader.ts';

function read(text: string, pieceLength = text.length): HeadAndRest | undefined {
  const reader = new CgiHeadReader();
  const bytes = Buffer.from(text, 'latin1');
  for (let offset = 0; offset < bytes.length; offset += pieceLength) {
    const found = reader.push(bytes.subarray(offset, offset + pieceLength));
    if (found !== undefined) return found;
  }
  return undefined;
}

describe('the header of a CGI response', () => {
  it('has a status, headers in order, and the body behind it', () => {
    const found = read(
      'Status: 404 Not Found\r\nContent-Type: text/plain\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nbody',
    );
    expect(found?.head).toEqual({
      status: 404,
      isStatusNamed: true,
      reason: 'Not Found',
      headers: [
        ['Content-Type', 'text/plain'],
        ['Set-Cookie', 'a'],
        ['Set-Cookie', 'b'],
      ],
    });
    expect(found?.rest.toString()).toBe('body');
  });

  it('is the same in pieces of any size and with either line end', () => {
    const text = 'Status: 201 Created\r\nX-A: 1\r\nX-B: 2\r\n\r\n';
    const whole = read(text)?.head;
    expect(whole?.status).toBe(201);
    for (let length = 1; length < text.length; length += 1) expect(read(text, length)?.head).toEqual(whole);
    expect(read(text.replaceAll('\r', ''), 1)?.head).toEqual(whole);
  });

  it('defaults to 200, and to 302 when it only names a location', () => {
    expect(read('Content-Type: text/html\n\n')?.head).toMatchObject({ status: 200, reason: 'OK' });
    expect(read('Location: /elsewhere\n\n')?.head).toMatchObject({ status: 302, reason: 'Found' });
    expect(read('Location: /new\nStatus: 201\n\n')?.head).toMatchObject({ status: 201, reason: '' });
    expect(read('\n')?.head).toEqual({ status: 200, isStatusNamed: false, reason: 'OK', headers: [] });
  });

  it('joins folded lines and keeps bytes above 127', () => {
    const head = read('X-Long: one\r\n  two\r\n\tthree\r\nX-Byte: \xe9\r\n\r\n')?.head;
    expect(head?.headers).toEqual([
      ['X-Long', 'one two three'],
      ['X-Byte', '\xe9'],
    ]);
    expect(head && headerValue(head, 'x-LONG')).toBe('one two three');
  });

  it('allows empty values and trims white space around values', () => {
    expect(read('X-Empty:\nX-Padded:   a b  \n\n')?.head.headers).toEqual([
      ['X-Empty', ''],
      ['X-Padded', 'a b'],
    ]);
  });

  it.each([
    ['no colon', 'hello world\n\n', 'no header before its empty line: "hello world"'],
    ['a space in the name', 'Content Type: x\n\n', 'no header'],
    ['an empty name', ': x\n\n', 'no header'],
    ['a NUL', 'X: a\0b\n\n', 'control character'],
    ['a bare CR', 'X: a\rb\n\n', 'control character'],
    ['a continuation first', ' folded\n\n', 'continuation line'],
    ['a status that is no number', 'Status: fine\n\n', 'no final HTTP status: "fine"'],
    ['an interim status', 'Status: 100 Continue\n\n', 'no final HTTP status'],
    ['a long status', 'Status: 2000\n\n', 'no final HTTP status'],
    ['65,537 bytes', `X: ${'a'.repeat(65_536)}\n\n`, 'more than 65536 bytes'],
    ['65,537 bytes without a line end', 'a'.repeat(65_537), 'more than 65536 bytes'],
    ['1,001 lines', `${'X: a\n'.repeat(1001)}\n`, 'more than 1000 lines'],
  ])('is refused with %s', (_what, text, words) => {
    expect(() => read(text, 1000)).toThrow(words);
  });

  it('is accepted at exactly its limits', () => {
    expect(read(`${'X: a\n'.repeat(1000)}\n`)?.head.headers).toHaveLength(1000);
    expect(read(`X: ${'a'.repeat(65_536 - 5)}\n\n`)?.head.headers[0]?.[1]).toHaveLength(65_531);
  });
});
