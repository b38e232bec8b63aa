import { connect, type Socket } from 'node:net';
import { fromErrorMessage } from '../error-message.ts';
import { RunfcgidError } from '../errors.ts';
import type { Clock, Timer } from '../host/clock.ts';
import type {
  OnProgress,
  PoolOutcome,
  PoolSelection,
  PoolVerb,
  Reconfiguration,
  StopVerb,
} from '../pools/commands.ts';
import type { StatusSnapshot } from '../status/snapshot.ts';
import { ask, HttpBreach } from './http-answer.ts';

export interface ControlClientOptions {
  readonly socketPath: string;
  /** For the whole of a request, from connecting to the last line of the answer. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * The other end of the control socket. Every method raises RunfcgidError: DAEMON_NOT_RUNNING when nobody listens,
 * CONTROL_DENIED when the socket may not be opened, CONTROL_TIMEOUT, CONTROL_PROTOCOL, and what the daemon raised.
 */
export class ControlClient {
  readonly #options: ControlClientOptions;

  constructor(options: ControlClientOptions) {
    this.#options = options;
  }

  /** Where the daemon listens, if it runs. */
  get socketPath(): string {
    return this.#options.socketPath;
  }

  async status(): Promise<StatusSnapshot> {
    const lines = this.#exchange('GET', '/v1/status');
    for await (const line of lines) {
      if (isRecord(line) && isRecord(line['daemon']) && Array.isArray(line['pools'])) {
        return line as unknown as StatusSnapshot;
      }
      throw unexpected('something else than a status');
    }
    throw unexpected('nothing');
  }

  run(verb: PoolVerb, pools: PoolSelection, onProgress: OnProgress): Promise<readonly PoolOutcome[]> {
    return this.#work(`/v1/pools/${verb}`, { pools }, onProgress);
  }

  /** Stops the pools and starts them again. */
  restartHard(
    pools: PoolSelection,
    stopBy: StopVerb,
    onProgress: OnProgress,
  ): Promise<readonly PoolOutcome[]> {
    const how = stopBy === 'kill' ? { isNow: true } : { isHard: true };
    return this.#work('/v1/pools/restart', { pools, ...how }, onProgress);
  }

  scale(pool: string, workers: number, onProgress: OnProgress): Promise<readonly PoolOutcome[]> {
    return this.#work('/v1/pools/scale', { pool, workers }, onProgress);
  }

  takeBack(pools: PoolSelection): Promise<readonly PoolOutcome[]> {
    return this.#work('/v1/pools/take-back', { pools }, () => {});
  }

  reconfigure(onProgress: OnProgress): Promise<Reconfiguration> {
    return this.#lastLine('/v1/daemon/reconfigure', {}, onProgress);
  }

  shutDown(how: StopVerb, onProgress: OnProgress): Promise<readonly PoolOutcome[]> {
    return this.#work(`/v1/daemon/${how}`, {}, onProgress);
  }

  async #work(path: string, body: object, onProgress: OnProgress): Promise<readonly PoolOutcome[]> {
    return (await this.#lastLine(path, body, onProgress)).outcomes;
  }

  async #lastLine(path: string, body: object, onProgress: OnProgress): Promise<Reconfiguration> {
    for await (const line of this.#exchange('POST', path, body)) {
      if (!isRecord(line)) throw unexpected('a line that is no object');
      const error = fromErrorMessage(line['error']);
      if (error !== undefined) throw error;
      if (isRecord(line['progress'])) onProgress(line['progress'] as unknown as Parameters<OnProgress>[0]);
      const { outcomes, notes = [] } = line;
      if (Array.isArray(outcomes) && Array.isArray(notes)) return { outcomes, notes };
    }
    throw unexpected('an answer that ends half-way');
  }

  /** One request; yields the JSON lines of its answer. */
  async *#exchange(method: 'GET' | 'POST', path: string, body?: object): AsyncGenerator<unknown> {
    const { socketPath, clock, timeoutMs } = this.#options;
    const socket = connect(socketPath);
    const patience = giveUpAfter(socket, clock, timeoutMs);
    try {
      const { status, lines } = await ask(socket, {
        method,
        path,
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      if (status >= 400) throw await refusal(lines, status);
      for await (const line of lines) yield parse(line);
    } catch (error) {
      throw patience.error ?? explain(error, socketPath);
    } finally {
      patience.timer.cancel();
      socket.destroy();
    }
  }
}

interface Patience {
  readonly timer: Timer;
  /** Set when time was up. */
  error: RunfcgidError | undefined;
}

function giveUpAfter(socket: Socket, clock: Clock, timeoutMs: number): Patience {
  const timer = clock.at(clock.now() + timeoutMs, () => {
    // What is written before there is a connection is sent when there is one.
    const hint = socket.connecting
      ? 'Nothing was asked of it yet: allow more time with --timeout.'
      : 'What was asked goes on: see "fcgictl status", or allow more time with --timeout.';
    const message = `the daemon did not finish within ${timeoutMs / 1000} s`;
    patience.error = new RunfcgidError('CONTROL_TIMEOUT', message, { hint });
    socket.destroy();
  });
  const patience: Patience = { timer, error: undefined };
  return patience;
}

async function refusal(lines: AsyncIterable<string>, status: number): Promise<RunfcgidError> {
  for await (const line of lines) {
    const document = parse(line);
    const error = isRecord(document) ? fromErrorMessage(document['error']) : undefined;
    if (error !== undefined) return error;
    break;
  }
  return unexpected(`status ${status} without a reason`);
}

function explain(error: unknown, socketPath: string): unknown {
  if (error instanceof HttpBreach) return unexpected(error.message);
  if (error instanceof RunfcgidError || !(error instanceof Error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new RunfcgidError('DAEMON_NOT_RUNNING', `no daemon answers on ${socketPath}`, {
        cause: error,
        hint: 'Start it with "fcgictl start"; if it runs elsewhere, name its configuration with --config FILE.',
      });
    case 'EACCES':
    case 'EPERM':
      return new RunfcgidError('CONTROL_DENIED', `you may not open the control socket ${socketPath}`, {
        cause: error,
        hint: 'Call fcgictl as the user of the daemon (or with sudo), or widen "control_mode" in [daemon].',
      });
    case 'ENOTSOCK':
      return new RunfcgidError('DAEMON_NOT_RUNNING', `${socketPath} is not a socket`, { cause: error });
    case 'ECONNRESET':
    case 'EPIPE':
      return new RunfcgidError(
        'CONTROL_PROTOCOL',
        'the daemon closed the connection before it had answered',
        {
          cause: error,
          hint: 'Its log says why. If not: it may have as many open files as it may (LimitNOFILE, "ulimit -n").',
        },
      );
    default:
      return new RunfcgidError(
        'CONTROL_PROTOCOL',
        `the control socket ${socketPath} failed: ${error.message}`,
        {
          cause: error,
        },
      );
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new RunfcgidError('CONTROL_PROTOCOL', 'the daemon answered something that is not JSON', {
      cause: error,
      hint: 'Is another program listening on the control socket?',
    });
  }
}

function unexpected(what: string): RunfcgidError {
  return new RunfcgidError('CONTROL_PROTOCOL', `the daemon answered ${what}`, {
    hint: 'fcgictl and runfcgid may be of different versions; the log of the daemon may say more.',
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
