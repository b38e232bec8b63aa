import { formatAddress, type SocketAddress } from '../config/address.ts';
import { formatDuration } from '../config/units.ts';
import { describeError, RunfcgidError } from '../errors.ts';
import type { ProofPlan, RequestProofPlan, StatusRange } from '../plan/proof.ts';
import type { CgiHead } from './cgi-head.ts';
import type { EndOfRequest } from './fastcgi-request.ts';

/** Why a worker is not proven. */
export interface ProofFailure {
  /** One sentence without a full stop. */
  readonly reason: string;
  /** The first lines of what it answered. */
  readonly output: readonly string[];
  /** The connection ended: the process may have, and then its own end says more. */
  readonly isCut: boolean;
}

export interface ProofAnswer {
  /** `undefined` when the program refused the request; `end` says how. */
  readonly head: CgiHead | undefined;
  readonly end: EndOfRequest | undefined;
  /** The beginnings of both streams. */
  readonly body: string;
  readonly stderr: string;
}

type AskingPlan = Extract<ProofPlan, { timeoutMs: number }>;

const mostLines = 12;
const longestLine = 400;

/** What is wrong with an answer to the proof's request; `undefined`: nothing. Pure. */
export function judgeAnswer(answer: ProofAnswer, plan: RequestProofPlan): ProofFailure | undefined {
  const problem = problemOf(answer, plan);
  if (problem === undefined) return undefined;
  const reason = `the proof request ${plan.path} ${problem}`;
  return { reason, output: [...lines(answer.stderr), ...lines(answer.body)], isCut: false };
}

/** An exchange that came to no answer. Pure. */
export function explainError(
  error: unknown,
  plan: AskingPlan,
  peer: SocketAddress,
  stderr = '',
): ProofFailure {
  if (error instanceof RunfcgidError && error.code === 'FASTCGI_TIMEOUT') {
    return { reason: silence(plan), output: lines(stderr), isCut: false };
  }
  const what = plan.level === 'request' ? `the proof request ${plan.path} failed` : 'FCGI_GET_VALUES failed';
  const words = describeError(error).replace(formatAddress(peer), 'the worker');
  const hint = error instanceof RunfcgidError && error.hint !== undefined ? [error.hint] : [];
  return {
    reason: `${what}: ${words}`,
    output: [...lines(stderr), ...hint],
    isCut: words.includes('closed the connection'),
  };
}

function problemOf({ head, end, stderr }: ProofAnswer, plan: RequestProofPlan): string | undefined {
  if (end !== undefined && end.protocolStatus !== 'complete') {
    return `was refused by the program with the protocol status "${end.protocolStatus}"`;
  }
  if (head === undefined) return 'was ended without an answer';
  const { status } = head;
  // flup up to 1.0.2 sends its error page without a Status line, which a web server delivers as 200.
  if (!head.isStatusNamed && stderr.includes('Traceback (most recent call last)')) {
    return 'was answered without a status, and with a traceback';
  }
  if (plan.statuses.some(({ from, to }) => status >= from && status <= to)) return undefined;
  const hint =
    status === 400 ? `; Django's ALLOWED_HOSTS may lack the proof's host ${JSON.stringify(plan.host)}` : '';
  return `was answered ${status}, expected ${describeStatuses(plan.statuses)}${hint}`;
}

function silence(plan: AskingPlan): string {
  const time = formatDuration(plan.timeoutMs);
  if (plan.level === 'request') return `the proof request ${plan.path} was not answered within ${time}`;
  return `did not answer FCGI_GET_VALUES within ${time}, as the proof level "values" wants; programs on libfcgi, such as Perl's, never do`;
}

function describeStatuses(statuses: readonly StatusRange[]): string {
  return statuses.map(({ from, to }) => (from === to ? String(from) : `${from} to ${to}`)).join(' or ');
}

function lines(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .slice(0, mostLines)
    .map((line) => (line.length > longestLine ? `${line.slice(0, longestLine)}…` : line));
}
