import type { SocketAddress } from '../config/address.ts';
import type { ProofPlan, RequestProofPlan } from '../plan/proof.ts';
import type { CgiHead } from './cgi-head.ts';
import { readCgiHead } from './cgi-response.ts';
import { type FastcgiRequest, openRequest } from './fastcgi-request.ts';
import { getValues } from './get-values.ts';
import { explainError, judgeAnswer, type ProofFailure } from './proof-answer.ts';
import type { ExchangeOptions } from './proof-exchange.ts';
import { proofParams } from './proof-params.ts';

/** How much is kept of each stream for the operator; the rest is read and forgotten. */
const keptBytes = 8_192;

/** FCGI_GET_VALUES (FastCGI 1.0, section 4.1): any result will do. */
export async function askValues(
  proof: Extract<ProofPlan, { level: 'values' }>,
  { connection, address, clock, signal }: ExchangeOptions,
): Promise<ProofFailure | undefined> {
  const deadlineMs = clock.now() + proof.timeoutMs;
  try {
    await getValues(address, { descriptor: connection.release(), deadlineMs, clock, signal });
    return undefined;
  } catch (error) {
    return explainError(error, proof, address);
  }
}

/** A real request, whose answer is judged. */
export async function askRequest(
  proof: RequestProofPlan,
  { connection, address, clock, signal }: ExchangeOptions,
): Promise<ProofFailure | undefined> {
  const stderr = new Beginning();
  const body = new Beginning();
  try {
    const request = await openRequest(address, proofParams(proof), {
      descriptor: connection.release(),
      deadlineMs: clock.now() + proof.timeoutMs,
      clock,
      signal,
      onStderr: (data) => stderr.add(data),
    });
    const head = await readHead(request, address);
    if (head !== undefined) for await (const chunk of request.stdout) body.add(chunk);
    const end = await request.ended;
    return judgeAnswer({ head, end, body: body.text, stderr: stderr.text }, proof);
  } catch (error) {
    if (signal.aborted) return undefined;
    return explainError(error, proof, address, stderr.text);
  }
}

/** `undefined` when the program refused the request: then `ended` says how. */
async function readHead(request: FastcgiRequest, address: SocketAddress): Promise<CgiHead | undefined> {
  try {
    return await readCgiHead(request.stdout, address);
  } catch (error) {
    const end = await request.ended;
    if (end === undefined || end.protocolStatus === 'complete') throw error;
    return undefined;
  }
}

class Beginning {
  readonly #parts: Buffer[] = [];
  #length = 0;

  add(data: Buffer): void {
    const kept = data.subarray(0, keptBytes - this.#length);
    if (kept.length > 0) this.#parts.push(kept);
    this.#length += kept.length;
  }

  get text(): string {
    return Buffer.concat(this.#parts).toString('utf8');
  }
}
