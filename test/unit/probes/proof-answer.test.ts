import { describe, expect, it } from 'vitest';
import { RunfcgidError } from '../../../src/errors.ts';
import type { RequestProofPlan } from '../../../src/plan/proof.ts';
import { explainError, judgeAnswer, type ProofAnswer } from '../../../src/probes/proof-answer.ts';
import { proofParams } from '../../../src/probes/proof-params.ts';

const plan: RequestProofPlan = {
  level: 'request',
  timeoutMs: 5_000,
  path: '/x/%e4?a=b?c',
  host: 'example.com:8000',
  headers: { 'X-Forwarded-Proto': 'https' },
  params: { SCRIPT_FILENAME: '/srv/i.php', REMOTE_ADDR: '::1' },
  statuses: [{ from: 200, to: 499 }],
};
const peer = { kind: 'unix', path: '/run/private/1' } as const;

function answer(status: number, more: Partial<ProofAnswer> = {}): ProofAnswer {
  return {
    head: { status, isStatusNamed: true, reason: '', headers: [] },
    end: { appStatus: 0, protocolStatus: 'complete' },
    body: '',
    stderr: '',
    ...more,
  };
}

describe('the answer to a proof request', () => {
  it.each([200, 301, 404, 400, 499])('%i is good unless a status is expected', (status) => {
    expect(judgeAnswer(answer(status), plan)).toBeUndefined();
  });

  it.each([500, 503])('%i is not', (status) => {
    expect(judgeAnswer(answer(status), plan)?.reason).toBe(
      `the proof request /x/%e4?a=b?c was answered ${status}, expected 200 to 499`,
    );
  });

  it('that is complete is good with any application status and with words on the error stream', () => {
    const words = answer(200, { stderr: 'Traceback (most recent call last):\n' });
    expect(judgeAnswer(words, plan)).toBeUndefined();
    expect(
      judgeAnswer(answer(200, { end: { appStatus: 1, protocolStatus: 'complete' } }), plan),
    ).toBeUndefined();
  });

  it('without a status and with a traceback is the error page of an old flup', () => {
    const head = { status: 200, isStatusNamed: false, reason: 'OK', headers: [] };
    const stderr = 'Traceback (most recent call last):\n\nImportError: no urls\n';
    expect(judgeAnswer(answer(200, { head, stderr, body: '<h1>\n' }), plan)).toEqual({
      reason: 'the proof request /x/%e4?a=b?c was answered without a status, and with a traceback',
      output: ['Traceback (most recent call last):', 'ImportError: no urls', '<h1>'],
      isCut: false,
    });
    expect(judgeAnswer(answer(200, { head }), plan)).toBeUndefined();
  });

  it('may be that the program refuses the request', () => {
    const end = { appStatus: 0, protocolStatus: 'overloaded' } as const;
    expect(judgeAnswer(answer(200, { head: undefined, end }), plan)?.reason).toContain('"overloaded"');
  });

  it('is quoted in bounds', () => {
    const body = Array.from({ length: 50 }, () => 'y'.repeat(1_000)).join('\n');
    const output = judgeAnswer(answer(500, { body }), plan)?.output ?? [];
    expect(output).toHaveLength(12);
    expect(Math.max(...output.map((line) => line.length))).toBe(401);
  });

  it('that breaks off does not name the private socket', () => {
    const error = new RunfcgidError('FASTCGI_PROTOCOL', 'unix:/run/private/1 closed the connection (X)', {
      hint: 'Look.',
    });
    expect(explainError(error, plan, peer, 'oh\n')).toEqual({
      reason: 'the proof request /x/%e4?a=b?c failed: the worker closed the connection (X)',
      output: ['oh', 'Look.'],
      isCut: true,
    });
  });

  it('that does not come is named with the time that it had', () => {
    const error = new RunfcgidError('FASTCGI_TIMEOUT', 'x did not finish in time');
    expect(explainError(error, plan, peer).reason).toBe(
      'the proof request /x/%e4?a=b?c was not answered within 5s',
    );
  });
});

it('a proof request has what a web server sends, and what is configured wins', () => {
  const params = new Map(proofParams(plan));
  expect(params.get('PATH_INFO')).toEqual(Buffer.from([0x2f, 0x78, 0x2f, 0xe4]));
  expect(Object.fromEntries([...params].filter(([name]) => name !== 'PATH_INFO'))).toMatchObject({
    REQUEST_METHOD: 'GET',
    REQUEST_URI: '/x/%e4?a=b?c',
    QUERY_STRING: 'a=b?c',
    SERVER_NAME: 'example.com',
    HTTP_HOST: 'example.com:8000',
    HTTP_X_FORWARDED_PROTO: 'https',
    SCRIPT_FILENAME: '/srv/i.php',
    REMOTE_ADDR: '::1',
  });
});
