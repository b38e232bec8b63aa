import { describe, expect, it } from 'vitest';
import { RunfcgidError } from '../../../src/errors.ts';
import { RecordGuard } from '../../../src/probes/record-guard.ts';
import { cutRandomly, endRequest, randomFrom, record } from '../../helpers/fastcgi-records.ts';

function newGuard(): RecordGuard {
  return new RecordGuard({ peer: 'unix:/run/app.sock', requestId: 1 });
}

function pushAll(guard: RecordGuard, ...chunks: Buffer[]): Buffer[] {
  return chunks.flatMap((chunk) => [...guard.push(chunk)]);
}

function violationOf(...chunks: Buffer[]): RunfcgidError {
  try {
    pushAll(newGuard(), ...chunks);
  } catch (error) {
    if (error instanceof RunfcgidError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the record guard', () => {
  it('hands on whole records without their padding', () => {
    const records = pushAll(newGuard(), record({ type: 6, content: 'hello', padding: 3 }), endRequest());
    expect(records).toEqual([record({ type: 6, content: 'hello' }), endRequest()]);
  });

  it('puts records together from single bytes', () => {
    const wire = Buffer.concat([
      record({ type: 6, content: 'hello', padding: 255 }),
      record({ type: 6 }),
      record({ type: 7, padding: 4 }),
      endRequest(),
    ]);
    const guard = newGuard();
    const records = pushAll(guard, ...[...wire].map((byte) => Buffer.of(byte)));
    expect(records.map((bytes) => [bytes.readUInt8(1), bytes.length - 8])).toEqual([
      [6, 5],
      [6, 0],
      [7, 0],
      [3, 8],
    ]);
    expect(guard.isBetweenRecords).toBe(true);
  });

  it('passes the longest record there can be', () => {
    const longest = record({ type: 6, content: Buffer.alloc(65_535, 'x'), padding: 1 });
    expect(pushAll(newGuard(), longest)[0]?.length).toBe(65_543);
  });

  it('knows when a connection is cut within a record', () => {
    const whole = record({ type: 6, content: 'hello', padding: 3 });
    for (let length = 1; length < whole.length; length += 1) {
      const guard = newGuard();
      pushAll(guard, whole.subarray(0, length));
      expect(guard.isBetweenRecords, `${length} bytes`).toBe(false);
    }
  });

  it('skips records of types that FastCGI does not know, type 0 included', () => {
    const unknown = [0, 12, 200, 255].map((type) => record({ type, id: 7, content: 'junk', padding: 2 }));
    expect(pushAll(newGuard(), ...unknown, endRequest())).toEqual([endRequest()]);
  });

  it('does not skip unknown records for ever', () => {
    const unknown = Array.from({ length: 101 }, () => record({ type: 99 }));
    expect(violationOf(...unknown).message).toBe(
      'unix:/run/app.sock sent more than 100 records of types that FastCGI does not know',
    );
  });

  const refusals: [string, Buffer, string][] = [
    [
      'another version',
      record({ version: 2, type: 6 }),
      'sent a record of version 2; FastCGI has only version 1',
    ],
    [
      'our own records sent back',
      record({ type: 1 }),
      'sent a BEGIN_REQUEST record, which only a web server may send',
    ],
    ['ABORT_REQUEST', record({ type: 2 }), 'sent a ABORT_REQUEST record'],
    ['PARAMS', record({ type: 4 }), 'sent a PARAMS record'],
    ['STDIN', record({ type: 5 }), 'sent a STDIN record'],
    ['DATA', record({ type: 8 }), 'sent a DATA record'],
    ['GET_VALUES', record({ type: 9, id: 0 }), 'sent a GET_VALUES record'],
    [
      'output of another request',
      record({ type: 6, id: 2 }),
      'sent a STDOUT record with request id 2 instead of 1',
    ],
    [
      'the end of another request',
      endRequest(0, 0, 0),
      'sent a END_REQUEST record with request id 0 instead of 1',
    ],
    ['management records under an id', record({ type: 10, id: 1 }), 'with request id 1 instead of 0'],
    ['a short end', record({ type: 3, content: 'abc' }), 'sent a END_REQUEST record of 3 bytes instead of 8'],
    ['an empty end', record({ type: 3 }), 'sent a END_REQUEST record of 0 bytes instead of 8'],
    ['a long UNKNOWN_TYPE', record({ type: 11, id: 0, content: 'x'.repeat(9) }), 'of 9 bytes instead of 8'],
    [
      'values longer than their record',
      record({ type: 10, id: 0, content: '\x05\x05abc' }),
      'name-value pairs',
    ],
  ];
  it.each(refusals)('refuses %s', (_what, wire, words) => {
    const error = violationOf(wire);
    expect(error.code).toBe('FASTCGI_PROTOCOL');
    expect(error.message).toContain(words);
    expect(error.hint).toBeDefined();
  });

  it('quotes an answer that is text and says what it is', () => {
    const error = violationOf(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(error.message).toContain('its answer begins "HTTP/1.1 400 Bad Request');
    expect(error.hint).toContain('An HTTP server listens there');
    expect(violationOf(Buffer.from('Status: 200 OK\r\n\r\n')).hint).toContain('it runs as CGI');
  });

  it('gives the same records, whichever way the bytes are cut', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = randomFrom(seed);
      const sent = Array.from({ length: 1 + random(20) }, () =>
        record({
          type: 6 + random(2),
          content: Buffer.alloc(random(3000), random(256)),
          padding: random(256),
        }),
      );
      const whole = pushAll(newGuard(), Buffer.concat(sent));
      const cut = pushAll(newGuard(), ...cutRandomly(Buffer.concat(sent), random));
      expect(cut.map((one) => one.length)).toEqual(whole.map((one) => one.length));
      expect(Buffer.concat(cut).equals(Buffer.concat(whole)), `seed ${seed}`).toBe(true);
      expect(whole).toHaveLength(sent.length);
    }
  });
});
