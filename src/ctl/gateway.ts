import { resolve } from 'node:path';
import {
  isAbstract,
  isInherited,
  parseAddress,
  parseListenAddress,
  type SocketAddress,
} from '../config/address.ts';
import { describeError, exitStatus, RunfcgidError } from '../errors.ts';
import { startGateway } from '../gateway/gateway.ts';
import { formatRequestRecord } from '../gateway/request-record.ts';
import type { StaticFolder } from '../gateway/static-folder.ts';
import { choosePools } from './choose-pools.ts';
import { askDaemon, findDaemon } from './control-socket.ts';
import { type CtlRequest, defaultStatusTimeoutMs } from './request.ts';

export interface GatewayCommand {
  /** As written: `127.0.0.1:8000`. */
  readonly http: string;
  /** As written: `/static/=./static`. */
  readonly static: readonly string[];
  /** As written: `SCRIPT_FILENAME=/srv/app/index.php`. */
  readonly param: readonly string[];
}

/** `fcgictl gateway POOL`: shows a pool's site over HTTP until Ctrl-C. For development. */
export async function gateway(pool: string, command: GatewayCommand, request: CtlRequest): Promise<number> {
  const { terminal, clock } = request;
  const listen = parseHttpAddress(command.http);
  const staticFolders = command.static.map(parseStatic);
  const extraParams = Object.fromEntries(command.param.map((text) => splitAt(text, '--param NAME=VALUE')));
  const target = await poolAddress(pool, request);
  const running = await startGateway({
    listen,
    target: () => target,
    staticFolders,
    extraParams,
    clock,
    onRequest: (record) => terminal.print(formatRequestRecord(record)),
    onStderr: (text) => terminal.complain(text),
  });
  terminal.print(`${pool} is at ${running.url}`);
  terminal.print(
    'This gateway is for development, not for production: use a web server there. Ctrl-C ends it.',
  );
  await interrupted();
  await running.close();
  return exitStatus.ok;
}

async function poolAddress(pool: string, request: CtlRequest): Promise<SocketAddress> {
  const client = await findDaemon(request, request.timeoutMs ?? defaultStatusTimeoutMs);
  const { pools: all } = await askDaemon(client, () => client.status());
  const pools = await choosePools([pool], all);
  const [listen] = pools.flatMap((found) => found.listen);
  if (listen === undefined) {
    throw new RunfcgidError('PLAN_UNKNOWN_POOL', `the pool "${pool}" listens nowhere`, {
      hint: `See "fcgictl status ${pool}".`,
    });
  }
  const address = parseListenAddress(listen, '/');
  if (!isInherited(address) && !isAbstract(address)) return address;
  throw new RunfcgidError('FASTCGI_UNREACHABLE', `the gateway cannot connect to ${listen}`, {
    hint: 'Use the web server that the socket is for, or give the pool a path or a port besides.',
  });
}

function parseHttpAddress(text: string): { readonly host: string; readonly port: number } {
  try {
    // Port 0 asks the system for a free one.
    const isAnyPort = text.endsWith(':0');
    const address = parseAddress(isAnyPort ? text.replace(/0$/, '1') : text, '/');
    if (address.kind === 'tcp') return { host: address.host, port: isAnyPort ? 0 : address.port };
    throw new SyntaxError('expected HOST:PORT');
  } catch (error) {
    throw new RunfcgidError('USAGE', `--http ${text}: ${describeError(error)}`, {
      hint: 'For example: --http 127.0.0.1:8000.',
    });
  }
}

function parseStatic(text: string): StaticFolder {
  const [prefix, directory] = splitAt(text, '--static PREFIX=DIR');
  return { prefix: `/${prefix}/`.replaceAll(/\/+/g, '/'), directory: resolve(directory) };
}

function splitAt(text: string, usage: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at > 0 && at < text.length - 1) return [text.slice(0, at), text.slice(at + 1)];
  throw new RunfcgidError('USAGE', `"${text}" lacks one of its two sides`, { hint: `Write it as ${usage}.` });
}

function interrupted(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => done());
  });
}
