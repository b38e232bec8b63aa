import { createServer, type ServerResponse } from 'node:http';
import type { SocketAddress } from '../config/address.ts';
import { describeError } from '../errors.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import { sendErrorPage } from './error-page.ts';
import { type ExchangeOutcome, type IncomingExchange, passOn } from './exchange.ts';
import { listen } from './listen.ts';
import type { RequestRecord } from './request-record.ts';
import { parseTarget } from './request-target.ts';
import { matchFolder, type StaticFolder, sendStatic } from './static-folder.ts';

export interface GatewayOptions {
  /** Port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Asked for each request, so that a pool may move. */
  readonly target: () => SocketAddress;
  readonly staticFolders?: readonly StaticFolder[] | undefined;
  /** Further CGI variables, such as SCRIPT_FILENAME for PHP; they win over the gateway's own. */
  readonly extraParams?: Readonly<Record<string, string>> | undefined;
  /** The longest silence of the application, in milliseconds; 60,000 unless told, as in nginx. */
  readonly idleTimeoutMs?: number | undefined;
  /** How much of a body in chunks is kept before it is refused; 1 GiB unless told. */
  readonly maxSpooledBytes?: number | undefined;
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
  /** What applications write to their FastCGI error stream, in pieces. */
  readonly onStderr?: ((text: string) => void) | undefined;
  readonly clock?: Clock | undefined;
}

export interface Gateway {
  /** `http://127.0.0.1:8000/`. */
  readonly url: string;
  readonly port: number;
  /** Closes every connection and resolves when all requests have ended. */
  close(): Promise<void>;
}

type Arrival = Omit<IncomingExchange, 'target'>;

const defaultIdleTimeoutMs = 60_000;
const defaultMaxSpooledBytes = 1024 ** 3;
const clientLeft = 499;

const staticRefusals = {
  404: { status: 404, message: 'the static folder has no such file' },
  405: { status: 405, message: 'static files answer GET and HEAD only' },
} as const;

/**
 * An HTTP front for one FastCGI address, for development: it streams both ways and serves static folders, and
 * knows nothing of TLS, caching, limits or hostile clients.
 *
 * @throws RunfcgidError LISTEN_IN_USE, LISTEN_FAILED.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const pending = new Set<Promise<void>>();
  const handle = (arrival: Arrival): void => {
    const done = serve(arrival, options);
    pending.add(done);
    void done.finally(() => pending.delete(done));
  };
  const server = createServer((request, response) => handle({ request, response, acceptBody: () => {} }));
  server.on('checkContinue', (request, response) =>
    handle({ request, response, acceptBody: continuation(response) }),
  );
  const port = await listen(server, options.listen);
  const host = options.listen.host.includes(':') ? `[${options.listen.host}]` : options.listen.host;
  return {
    url: `http://${host}:${port}/`,
    port,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await Promise.all(pending);
    },
  };
}

/** Until the client was told to go on, nobody knows whether its body follows: the connection must end then. */
function continuation(response: ServerResponse): () => void {
  const { shouldKeepAlive } = response;
  response.shouldKeepAlive = false;
  return () => {
    response.shouldKeepAlive = shouldKeepAlive;
    response.writeContinue();
  };
}

async function serve(arrival: Arrival, options: GatewayOptions): Promise<void> {
  const { request, response } = arrival;
  const clock = options.clock ?? systemClock;
  const startedMs = clock.now();
  const remote = request.socket.remoteAddress ?? 'unknown';
  // Errors of the client's connection end the exchange through its `close` event.
  request.on('error', () => {});
  response.on('error', () => {});
  const outcome = await answer(arrival, options).catch((error: unknown): ExchangeOutcome => {
    if (!response.headersSent) return sendErrorPage(response, { status: 500, message: describeError(error) });
    response.destroy();
    return { bodyBytes: 0, problem: describeError(error) };
  });
  const hasLeft = response.destroyed && !response.headersSent;
  options.onRequest?.({
    remote,
    method: request.method ?? '',
    uri: request.url ?? '',
    status: hasLeft ? clientLeft : response.statusCode,
    durationMs: clock.now() - startedMs,
    ...outcome,
  });
}

async function answer(arrival: Arrival, options: GatewayOptions): Promise<ExchangeOutcome> {
  const { request, response } = arrival;
  const target = parseTarget(request.url ?? '');
  if (target === undefined) {
    return sendErrorPage(response, { status: 400, message: 'the address of the request is malformed' });
  }
  const folder = matchFolder(options.staticFolders ?? [], target.path);
  if (folder !== undefined) return await answerStatic(folder, target.path, arrival);
  return await passOn(
    { ...arrival, target },
    {
      address: options.target(),
      extraParams: options.extraParams ?? {},
      idleTimeoutMs: options.idleTimeoutMs ?? defaultIdleTimeoutMs,
      maxSpooledBytes: options.maxSpooledBytes ?? defaultMaxSpooledBytes,
      onStderr: options.onStderr ?? (() => {}),
      clock: options.clock ?? systemClock,
    },
  );
}

async function answerStatic(
  folder: StaticFolder,
  path: string,
  { request, response }: Arrival,
): Promise<ExchangeOutcome> {
  const refusal = await sendStatic(folder, path, request, response);
  if (refusal !== undefined) return sendErrorPage(response, staticRefusals[refusal]);
  const length = request.method === 'HEAD' ? 0 : Number(response.getHeader('content-length') ?? 0);
  return { bodyBytes: length, problem: undefined };
}
