import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { formatAddress, type SocketAddress } from '../config/address.ts';
import { describeError, RunfcgidError } from '../errors.ts';
import type { Clock } from '../host/clock.ts';
import type { CgiHead } from '../probes/cgi-head.ts';
import { readCgiHead } from '../probes/cgi-response.ts';
import { type FastcgiRequest, openRequest } from '../probes/fastcgi-request.ts';
import type { Param } from '../probes/name-value-pairs.ts';
import { cgiParams } from './cgi-params.ts';
import { sendErrorPage } from './error-page.ts';
import { ExactBody } from './exact-body.ts';
import { explainFailure } from './failure.ts';
import { prepareBody, type RequestBody } from './request-body.ts';
import type { RequestTarget } from './request-target.ts';
import { type ResponseHead, responseHead } from './response-head.ts';

export interface ExchangeSettings {
  readonly address: SocketAddress;
  readonly extraParams: Readonly<Record<string, string>>;
  readonly idleTimeoutMs: number;
  readonly maxSpooledBytes: number;
  readonly onStderr: (text: string) => void;
  readonly clock: Clock;
}

export interface IncomingExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: RequestTarget;
  /** Somebody takes the body: says "100 Continue" to a client that waits for it. */
  readonly acceptBody: () => void;
}

export interface ExchangeOutcome {
  readonly bodyBytes: number;
  readonly problem: string | undefined;
}

/** Passes one HTTP request to a FastCGI application and its answer back, or answers with an error page. */
export async function passOn(
  incoming: IncomingExchange,
  settings: ExchangeSettings,
): Promise<ExchangeOutcome> {
  const { request, response } = incoming;
  const leaving = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) leaving.abort();
  });
  let body: RequestBody | undefined;
  let fastcgi: FastcgiRequest | undefined;
  try {
    // A body in chunks is read before the application is asked; one with a length only when somebody takes it.
    const isChunked = request.headers['transfer-encoding'] !== undefined;
    if (isChunked) incoming.acceptBody();
    body = await prepareBody(request, settings.maxSpooledBytes);
    fastcgi = await openRequest(settings.address, paramsOf(incoming, body.length, settings), {
      body: body.stream,
      idleTimeoutMs: settings.idleTimeoutMs,
      signal: leaving.signal,
      onStderr: (data) => settings.onStderr(data.toString('utf8')),
      clock: settings.clock,
    });
    if (!isChunked) incoming.acceptBody();
    return { bodyBytes: await relayAnswer(incoming, fastcgi, settings.address), problem: undefined };
  } catch (error) {
    return await refuse(response, error, fastcgi);
  } finally {
    fastcgi?.close();
    // What is left of a body would block the client's connection for the next request.
    request.resume();
    await body?.dispose();
  }
}

function paramsOf(
  { request, target }: IncomingExchange,
  contentLength: number | undefined,
  settings: ExchangeSettings,
): Param[] {
  const { socket } = request;
  return cgiParams(
    {
      method: request.method ?? 'GET',
      target,
      httpVersion: request.httpVersion,
      headers: pairsOf(request.rawHeaders),
      contentLength,
      local: { address: socket.localAddress ?? '', port: socket.localPort ?? 0 },
      remote: { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
    },
    settings.extraParams,
  );
}

function pairsOf(rawHeaders: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    pairs.push([rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '']);
  }
  return pairs;
}

/** Resolves with the number of body bytes passed on. */
async function relayAnswer(
  { request, response }: IncomingExchange,
  fastcgi: FastcgiRequest,
  address: SocketAddress,
): Promise<number> {
  const cgiHead = await readCgiHead(fastcgi.stdout, address);
  const head = toResponseHead(cgiHead, request.method ?? 'GET', address);
  response.writeHead(head.status, head.reason, [...head.headers]);
  if (!head.hasBody) {
    response.end();
    // The application may still have work to do after its header.
    fastcgi.stdout.resume();
    await fastcgi.ended;
    return 0;
  }
  response.flushHeaders();
  const body = new ExactBody(head.contentLength);
  await pipeline(fastcgi.stdout, body, response);
  return body.passed;
}

function toResponseHead(head: CgiHead, method: string, address: SocketAddress): ResponseHead {
  try {
    return responseHead(head, method);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new RunfcgidError('FASTCGI_PROTOCOL', `${formatAddress(address)} ${error.message}`);
  }
}

async function refuse(
  response: ServerResponse,
  error: unknown,
  fastcgi: FastcgiRequest | undefined,
): Promise<ExchangeOutcome> {
  fastcgi?.close();
  const end = await fastcgi?.ended.catch(() => undefined);
  const failure = explainFailure(error, end);
  if (failure === undefined && response.destroyed) return { bodyBytes: 0, problem: 'the client left' };
  const page = failure ?? { status: 500, message: describeError(error) };
  if (!response.headersSent) return sendErrorPage(response, page);
  response.destroy();
  return { bodyBytes: 0, problem: page.message };
}
