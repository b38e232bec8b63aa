import { formatAddress, type SocketAddress } from '../config/address.ts';
import { RunfcgidError } from '../errors.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import { AnswerTimer } from './answer-timer.ts';
import { type ConnectionListener, FastcgiConnection } from './fastcgi-client.ts';
import { encodePairs } from './name-value-pairs.ts';

export interface GetValuesOptions {
  /** Monotonic milliseconds. Some programs (libfcgi) never answer, so there is always a deadline. */
  readonly deadlineMs: number;
  readonly clock?: Clock | undefined;
  /** Closes the connection. */
  readonly signal?: AbortSignal | undefined;
  /** A connection to the address that is open already and belongs to the question from now on. */
  readonly descriptor?: number | undefined;
}

/** The variables that the specification defines (section 4.1). */
const names = ['FCGI_MAX_CONNS', 'FCGI_MAX_REQS', 'FCGI_MPXS_CONNS'] as const;

/**
 * Asks an application about itself without a request (FCGI_GET_VALUES). Resolves with what it answers, possibly
 * nothing; a program that answers at all runs its FastCGI loop.
 *
 * @throws RunfcgidError FASTCGI_UNREACHABLE, FASTCGI_TIMEOUT, FASTCGI_PROTOCOL.
 */
export function getValues(
  address: SocketAddress,
  options: GetValuesOptions,
): Promise<ReadonlyMap<string, string>> {
  const peer = formatAddress(address);
  return new Promise((resolve, reject) => {
    const fail = (error: RunfcgidError): void => {
      timer.cancel();
      reject(error);
      connection.close();
    };
    const listener: ConnectionListener = {
      onConnected: () => connection.send('getValues', encodePairs(names.map((name) => [name, '']))),
      onMessage: (message) => {
        if (message.kind === 'values') {
          timer.cancel();
          resolve(message.values);
          connection.close();
        } else {
          fail(new RunfcgidError('FASTCGI_PROTOCOL', `${peer} answered GET_VALUES with something else`));
        }
      },
      onWritable: () => {},
      onClosed: (error) =>
        fail(
          error ??
            new RunfcgidError(
              'FASTCGI_PROTOCOL',
              `${peer} closed the connection instead of answering GET_VALUES`,
            ),
        ),
    };
    const connection = new FastcgiConnection(address, listener, options.descriptor);
    options.signal?.addEventListener('abort', () => connection.close(), { once: true });
    const timer = new AnswerTimer(options.clock ?? systemClock, options, () =>
      fail(new RunfcgidError('FASTCGI_TIMEOUT', `${peer} did not answer GET_VALUES in time`)),
    );
  });
}
