/** How a process ended: by itself with a status, or by a signal; or nobody can tell, and it may have been anything. */
export type ExitStatus =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signaled'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'unknown' };

/** What is known of a process that has ended. Plain data: the sentence is made of nothing else. */
export interface ExitFacts {
  readonly exit: ExitStatus;
  /** From the spawn to the end. */
  readonly uptimeMs: number;
  /** It was seen accepting, or said itself that it was ready. */
  readonly wasReady: boolean;
  /** What runfcgid had done to end it; a later step replaces an earlier one. */
  readonly ending: Ending;
  /** Exit statuses that are part of the program's normal life, once it was ready. */
  readonly expectedExits: readonly number[];
  /** The engine's own word that the application could not be loaded. */
  readonly loadFailure: string | undefined;
  /** Its last lines of output, oldest first. */
  readonly output: readonly string[];
}

export type Ending =
  | { readonly by: 'itself' }
  | { readonly by: 'stop-signal'; readonly signal: NodeJS.Signals }
  /** SIGKILL without a stop signal before. */
  | { readonly by: 'kill' }
  | { readonly by: 'graceful-timeout'; readonly signal: NodeJS.Signals; readonly timeoutMs: number }
  | { readonly by: 'boot-timeout'; readonly timeoutMs: number }
  /** SIGKILL for a request that could not be interrupted; `request` names it. */
  | { readonly by: 'request-timeout'; readonly request: string; readonly ageMs: number }
  /** SIGKILL because it did not show what it must; `reason` says so as a sentence. */
  | { readonly by: 'not-proven'; readonly reason: string };

/**
 * Why a process ended, in one sentence without a full stop: a ladder from the most specific cause to the least. What
 * runfcgid did comes before what the kernel reports, and what the engine said before what the status may mean.
 */
export function explainExit(facts: ExitFacts): string {
  return explainOwnDoing(facts) ?? explainDeath(facts);
}

function explainOwnDoing({ ending, exit, output }: ExitFacts): string | undefined {
  // Where SIGKILL was sent, which is all that this is asked for, one of which nothing is known ended of that.
  const isKilled = exit.kind === 'unknown' || (exit.kind === 'signaled' && exit.signal === 'SIGKILL');
  switch (ending.by) {
    case 'itself':
      return undefined;
    case 'boot-timeout':
      return isKilled
        ? `was not ready ${showTime(ending.timeoutMs)} after its start and was killed${lastWords(output)}`
        : undefined;
    case 'graceful-timeout':
      return isKilled
        ? `had not finished ${showTime(ending.timeoutMs)} after ${ending.signal} and was killed`
        : `finished ${showTime(ending.timeoutMs)} after ${ending.signal}: ${describeStatus(exit)}`;
    case 'request-timeout':
      return isKilled
        ? `was killed: ${ending.request} had run for ${showTime(ending.ageMs)} and could not be interrupted`
        : undefined;
    case 'not-proven':
      return ending.reason;
    case 'kill':
      return isKilled ? 'was killed at once, as asked' : `ended as asked: ${describeStatus(exit)}`;
    case 'stop-signal':
      return explainStop(ending.signal, exit);
  }
}

function explainStop(signal: NodeJS.Signals, exit: ExitStatus): string {
  if (exit.kind === 'exited') return `ended on ${signal} with status ${exit.code}, as asked`;
  if (exit.kind === 'unknown') return `ended on ${signal}, as asked; ${statusIsLost}`;
  if (exit.signal === signal) return `ended by ${signal}, as asked`;
  return `was asked to end with ${signal} and was ${describeStatus(exit)}${signalMeaning(exit.signal)}`;
}

function explainDeath(facts: ExitFacts): string {
  const { exit, loadFailure, uptimeMs, output } = facts;
  if (loadFailure !== undefined) return `could not load the application: ${oneLine(loadFailure)}`;
  if (exit.kind === 'signaled') {
    return `${describeStatus(exit)} after ${showTime(uptimeMs)}${signalMeaning(exit.signal)}${lastWords(output)}`;
  }
  if (exit.kind === 'unknown') {
    const manner = facts.wasReady ? '' : ' without accepting';
    return `ended after ${showTime(uptimeMs)}${manner}; ${statusIsLost}${lastWords(output)}`;
  }
  return facts.wasReady ? explainLaterExit(facts, exit.code) : explainEarlyExit(facts, exit.code);
}

/** The process ended without ever having been ready. */
function explainEarlyExit({ uptimeMs, output }: ExitFacts, code: number): string {
  const what = `exited with status ${code} after ${showTime(uptimeMs)} without accepting`;
  if (code === 0) return `${what}: not a FastCGI program, or an option error${lastWords(output)}`;
  return `${what}${statusMeaning(code)}${lastWords(output)}`;
}

function explainLaterExit({ uptimeMs, output, expectedExits }: ExitFacts, code: number): string {
  const what = `exited with status ${code} after ${showTime(uptimeMs)}`;
  if (expectedExits.includes(code)) return `${what}, which is part of its normal life`;
  if (code === 0) return `${what} although nobody asked it to: perhaps it has a limit of requests of its own`;
  return `${what}${statusMeaning(code)}${lastWords(output)}`;
}

function describeStatus(exit: ExitStatus & { kind: 'exited' | 'signaled' }): string {
  return exit.kind === 'exited' ? `exited with status ${exit.code}` : `killed by ${exit.signal}`;
}

const statusIsLost = 'how is not known: somebody else has collected its status';

/** The status that a shell, setpriv(1) or env(1) reports for what went wrong with the program it should run. */
function statusMeaning(code: number): string {
  if (code === 126) return ': the program was found and could not be run, often for lack of rights';
  if (code === 127) return ': a program was not found, in a script or in its first line';
  const signal = signalNumbers[code - 128];
  return signal === undefined ? '' : `: a shell's word for "killed by ${signal}"${signalMeaning(signal)}`;
}

function signalMeaning(signal: NodeJS.Signals): string {
  const meaning = signalMeanings[signal];
  return meaning === undefined ? '' : `, ${meaning}`;
}

/** What usually sends the signal when runfcgid did not (signal(7)). */
const signalMeanings: Partial<Readonly<Record<NodeJS.Signals, string>>> = {
  SIGKILL: 'not sent by runfcgid: perhaps out of memory',
  SIGTERM: 'not sent by runfcgid: somebody else stopped it',
  SIGINT: 'not sent by runfcgid: somebody else stopped it',
  SIGHUP: 'not sent by runfcgid: somebody else stopped it',
  SIGQUIT: 'not sent by runfcgid: somebody else stopped it',
  SIGSEGV: 'a crash in native code: the program, an extension module, or a full stack',
  SIGBUS: 'a crash in native code, or a mapped file that became shorter',
  SIGILL: 'an instruction that this processor does not know: built for another machine?',
  SIGFPE: 'an arithmetic error in native code',
  SIGABRT: 'the program gave up by itself: a failed assertion, or damaged memory',
  SIGSYS: 'a system call that a filter (seccomp) forbids',
  SIGPIPE: 'it wrote to a connection or pipe that nobody reads',
  SIGXCPU: 'its limit of processor time was used up',
  SIGXFSZ: 'its limit of file size was reached',
};

/** Numbers that are the same on every architecture of Linux except MIPS and SPARC (signal(7)). */
const signalNumbers: Readonly<Record<number, NodeJS.Signals>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  15: 'SIGTERM',
};

/** The last line that says something: of a Python traceback, the exception. */
function lastWords(output: readonly string[]): string {
  const line = output.findLast((each) => each.trim() !== '');
  return line === undefined ? '' : `; its last line was "${oneLine(line)}"`;
}

const longestQuote = 200;

function oneLine(text: string): string {
  const line = text.trim().replaceAll(/\s*\n\s*/g, ' ');
  return line.length > longestQuote ? `${line.slice(0, longestQuote)}…` : line;
}

/** Two digits are enough for people. */
function showTime(durationMs: number): string {
  const seconds = durationMs / 1_000;
  if (seconds < 10) return `${Number(seconds.toFixed(seconds < 0.095 ? 2 : 1))} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} days`;
}
