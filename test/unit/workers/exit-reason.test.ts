import { expect, test } from 'vitest';
import { type ExitFacts, explainExit } from '../../../src/workers/exit-reason.ts';

const base: ExitFacts = {
  exit: { kind: 'exited', code: 0 },
  uptimeMs: 213,
  wasReady: false,
  ending: { by: 'itself' },
  expectedExits: [],
  loadFailure: undefined,
  output: [],
};
const exited = (code: number): Pick<ExitFacts, 'exit'> => ({ exit: { kind: 'exited', code } });
const killed = (signal: NodeJS.Signals): Pick<ExitFacts, 'exit'> => ({ exit: { kind: 'signaled', signal } });

const rows: readonly (readonly [string, Partial<ExitFacts>, string])[] = [
  [
    'a quick exit 0 is the commonest failure of all',
    {},
    'exited with status 0 after 0.2 s without accepting: not a FastCGI program, or an option error',
  ],
  [
    'what it wrote last is quoted, blank lines aside',
    { ...exited(1), output: ['Traceback …', "ImportError: No module named 'flup'", ' '] },
    'exited with status 1 after 0.2 s without accepting; its last line was "ImportError: No module named \'flup\'"',
  ],
  [
    '127 is a program that was not found',
    { ...exited(127), output: ["env: 'python2': No such file or directory"] },
    'exited with status 127 after 0.2 s without accepting: a program was not found, in a script or in its first line; ' +
      'its last line was "env: \'python2\': No such file or directory"',
  ],
  [
    '126 is a program that could not be run',
    exited(126),
    'exited with status 126 after 0.2 s without accepting: ' +
      'the program was found and could not be run, often for lack of rights',
  ],
  [
    '137 is the SIGKILL of a program below a shell',
    { ...exited(137), wasReady: true, uptimeMs: 5_400_000 },
    'exited with status 137 after 90 min: a shell\'s word for "killed by SIGKILL", ' +
      'not sent by runfcgid: perhaps out of memory',
  ],
  [
    'a status above 128 that is no signal has no meaning',
    { ...exited(255), wasReady: true, uptimeMs: 7_200_000 },
    'exited with status 255 after 2 h',
  ],
  [
    'a SIGKILL that we did not send',
    { ...killed('SIGKILL'), wasReady: true, uptimeMs: 61_000 },
    'killed by SIGKILL after 61 s, not sent by runfcgid: perhaps out of memory',
  ],
  [
    'a crash',
    { ...killed('SIGSEGV'), uptimeMs: 40 },
    'killed by SIGSEGV after 0.04 s, a crash in native code: the program, an extension module, or a full stack',
  ],
  [
    'a signal of which nothing is known',
    { ...killed('SIGUSR1'), uptimeMs: 9_960 },
    'killed by SIGUSR1 after 10 s',
  ],
  [
    'an expected exit after a good life',
    { ...exited(0), wasReady: true, expectedExits: [0], uptimeMs: 200_000_000 },
    'exited with status 0 after 2 days, which is part of its normal life',
  ],
  [
    'an expected status is a failure all the same before the worker was ready',
    { ...exited(0), expectedExits: [0] },
    'exited with status 0 after 0.2 s without accepting: not a FastCGI program, or an option error',
  ],
  [
    'an exit 0 of a ready worker that was not expected',
    { ...exited(0), wasReady: true },
    'exited with status 0 after 0.2 s although nobody asked it to: perhaps it has a limit of requests of its own',
  ],
  [
    'the word of the engine comes before the status',
    { ...exited(1), loadFailure: "ModuleNotFoundError: No module named\n 'mysite'", output: ['x'] },
    "could not load the application: ModuleNotFoundError: No module named 'mysite'",
  ],
  [
    'what a worker failed to show is the reason, however it went',
    {
      ...killed('SIGKILL'),
      ending: { by: 'not-proven', reason: 'the proof request / was answered 500' },
      output: ['x'],
    },
    'the proof request / was answered 500',
  ],
  [
    'the boot timeout',
    { ...killed('SIGKILL'), ending: { by: 'boot-timeout', timeoutMs: 10_000 }, output: ['connecting …'] },
    'was not ready 10 s after its start and was killed; its last line was "connecting …"',
  ],
  [
    'a crash that came before the SIGKILL of the boot timeout',
    { ...killed('SIGABRT'), ending: { by: 'boot-timeout', timeoutMs: 10_000 }, uptimeMs: 10_000 },
    'killed by SIGABRT after 10 s, the program gave up by itself: a failed assertion, or damaged memory',
  ],
  [
    'the graceful timeout',
    { ...killed('SIGKILL'), ending: { by: 'graceful-timeout', signal: 'SIGTERM', timeoutMs: 30_000 } },
    'had not finished 30 s after SIGTERM and was killed',
  ],
  [
    'an end in the last moment of the graceful timeout',
    { ...exited(0), ending: { by: 'graceful-timeout', signal: 'SIGTERM', timeoutMs: 30_000 } },
    'finished 30 s after SIGTERM: exited with status 0',
  ],
  ['a kill', { ...killed('SIGKILL'), ending: { by: 'kill' } }, 'was killed at once, as asked'],
  [
    'a kill that came too late',
    { ...exited(3), ending: { by: 'kill' } },
    'ended as asked: exited with status 3',
  ],
  [
    'a stop with a status',
    { ...exited(0), ending: { by: 'stop-signal', signal: 'SIGTERM' } },
    'ended on SIGTERM with status 0, as asked',
  ],
  [
    'a stop by the signal itself',
    { ...killed('SIGTERM'), ending: { by: 'stop-signal', signal: 'SIGTERM' } },
    'ended by SIGTERM, as asked',
  ],
  [
    'a stop that met somebody else',
    { ...killed('SIGKILL'), ending: { by: 'stop-signal', signal: 'SIGTERM' } },
    'was asked to end with SIGTERM and was killed by SIGKILL, not sent by runfcgid: perhaps out of memory',
  ],
  [
    'an end of which nothing is known is never a clean exit',
    { exit: { kind: 'unknown' }, wasReady: true, expectedExits: [0], uptimeMs: 61_000, output: ['bye'] },
    'ended after 61 s; how is not known: somebody else has collected its status; its last line was "bye"',
  ],
  [
    'an early end of which nothing is known',
    { exit: { kind: 'unknown' } },
    'ended after 0.2 s without accepting; how is not known: somebody else has collected its status',
  ],
  [
    'a stop of which nothing else is known',
    { exit: { kind: 'unknown' }, ending: { by: 'stop-signal', signal: 'SIGTERM' } },
    'ended on SIGTERM, as asked; how is not known: somebody else has collected its status',
  ],
  [
    'an end after our own SIGKILL, of which nothing else is known',
    { exit: { kind: 'unknown' }, ending: { by: 'graceful-timeout', signal: 'SIGTERM', timeoutMs: 30_000 } },
    'had not finished 30 s after SIGTERM and was killed',
  ],
];

test.each(rows)('%s', (_, facts, sentence) => {
  expect(explainExit({ ...base, ...facts })).toBe(sentence);
});

test('a long last line is quoted in part', () => {
  const sentence = explainExit({ ...base, output: ['x'.repeat(5_000)] });
  expect(sentence.length).toBeLessThan(400);
  expect(sentence).toMatch(/x…"$/);
});
