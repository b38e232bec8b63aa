import type { IncomingMessage, ServerResponse } from 'node:http';
import { toErrorMessage } from '../error-message.ts';
import { type ErrorCode, RunfcgidError } from '../errors.ts';
import type { Commands } from '../pools/commands.ts';
import type { ControlLine } from './messages.ts';
import { type ReadRoute, type Route, routes, type WorkRoute } from './routes.ts';

const bodyLimit = 64 * 1024;

const httpStatus: Partial<Record<ErrorCode, number>> = {
  USAGE: 400,
  PLAN_UNKNOWN_POOL: 404,
  CONTROL_DENIED: 403,
  CONFIG_NOT_FOUND: 422,
  CONFIG_UNREADABLE: 422,
  CONFIG_INVALID: 422,
  DAEMON_OUT_OF_FILES: 503,
};

/** A refusal that belongs to HTTP rather than to the pools. */
class HttpRefusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'HttpRefusal';
    this.status = status;
    this.headers = headers;
  }
}

/**
 * Answers one request. Whatever goes wrong becomes part of the answer; a client that went away is none of our
 * business, and the command it gave goes on. Resolves to the error that an operator should find in the log.
 */
export async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  commands: Commands,
): Promise<unknown> {
  try {
    const route = findRoute(request);
    await (route.isReadOnly
      ? answerRead(route, response, commands)
      : answerWork(route, await readBody(request), response, commands));
    return undefined;
  } catch (error) {
    sendError(response, error);
    return error instanceof HttpRefusal || error instanceof RunfcgidError ? undefined : error;
  }
}

/** True when a path is known and changes nothing. */
export function isReadOnly(request: IncomingMessage): boolean {
  return routes.get(pathOf(request))?.isReadOnly ?? true;
}

/** The path of the request, without its query. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}

function findRoute(request: IncomingMessage): Route {
  const path = pathOf(request);
  const route = routes.get(path);
  if (route === undefined) {
    throw new HttpRefusal(404, `there is no ${path} here; known: ${[...routes.keys()].join(', ')}`);
  }
  if (route.method !== request.method) {
    throw new HttpRefusal(405, `${path} takes ${route.method}, not ${request.method}`, {
      Allow: route.method,
    });
  }
  return route;
}

async function answerRead(route: ReadRoute, response: ServerResponse, commands: Commands): Promise<void> {
  sendJson(response, 200, await route.read(commands));
}

async function answerWork(
  route: WorkRoute,
  body: string,
  response: ServerResponse,
  commands: Commands,
): Promise<void> {
  const send = (line: ControlLine): void => {
    if (response.destroyed) return;
    if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
    response.write(`${JSON.stringify(line)}\n`);
  };
  send(await route.work(commands, body, (progress) => send({ progress })));
  response.end();
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bodyLimit) throw new HttpRefusal(413, `the body is longer than ${bodyLimit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function sendError(response: ServerResponse, error: unknown): void {
  if (response.destroyed) return;
  const message =
    error instanceof HttpRefusal
      ? { code: 'CONTROL_PROTOCOL' as const, message: error.message }
      : toErrorMessage(error);
  if (response.headersSent) {
    response.end(`${JSON.stringify({ error: message } satisfies ControlLine)}\n`);
    return;
  }
  const status = error instanceof HttpRefusal ? error.status : (httpStatus[message.code] ?? 500);
  const headers = error instanceof HttpRefusal ? error.headers : {};
  sendJson(response, status, { error: message }, headers);
}

function sendJson(
  response: ServerResponse,
  status: number,
  document: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.destroyed) return;
  // A refused request may leave its body unread: the connection cannot carry another one.
  const connection = status >= 400 ? { Connection: 'close' } : {};
  const body = Buffer.from(`${JSON.stringify(document)}\n`);
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    ...connection,
    ...headers,
  });
  response.end(body);
}
