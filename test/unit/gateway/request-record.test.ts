import { describe, expect, it } from 'vitest';
import { errorPageHtml } from '../../../src/gateway/error-page.ts';
import { formatRequestRecord } from '../../../src/gateway/request-record.ts';

const record = {
  remote: '127.0.0.1',
  method: 'GET',
  uri: '/a?b',
  status: 200,
  bodyBytes: 12,
  durationMs: 3.4,
  problem: undefined,
};

describe('what the gateway shows', () => {
  it('is one line for a request, with the problem behind it', () => {
    expect(formatRequestRecord(record)).toBe('127.0.0.1 "GET /a?b" 200 12 bytes 3 ms');
    expect(formatRequestRecord({ ...record, status: 502, problem: 'nobody listens' })).toBe(
      '127.0.0.1 "GET /a?b" 502 12 bytes 3 ms: nobody listens',
    );
  });

  it('cannot be broken out of by a quote or a terminal sequence', () => {
    const line = formatRequestRecord({ ...record, uri: '/"\n\u001b[2J' });
    expect(line).not.toContain('\n');
    expect(line).not.toContain('\u001b');
    expect(line).toContain('\\"');
  });

  it('is an error page that escapes what came from outside', () => {
    const page = errorPageHtml({ status: 404, message: 'no <b> & "c"', hint: '<script>' });
    expect(page).toContain('404 Not Found');
    expect(page).toContain('no &lt;b&gt; &amp; &quot;c&quot;');
    expect(page).not.toContain('<script>');
  });
});
