import { formatAddress, type ListenAddress } from '../config/address.ts';
import { explainOutOfFiles, RunfcgidError } from '../errors.ts';
import { describeOwners, type ListenerOwner } from './listeners.ts';

/** LISTEN_IN_USE with the names of those who listen there. */
export function addressInUse(address: ListenAddress, owners: readonly ListenerOwner[]): RunfcgidError {
  const where = formatAddress(address);
  return new RunfcgidError(
    'LISTEN_IN_USE',
    `cannot listen on ${where}: ${describeOwners(owners)} ${owners.length > 1 ? 'listen' : 'listens'} there`,
    {
      hint: 'Stop that process, or give the pool another "listen" address.',
    },
  );
}

/** LISTEN_FAILED. `hint` is for all causes but a limit of open files, which has one of its own. */
export function listenFailed(
  address: ListenAddress,
  what: string,
  hint: string,
  cause?: unknown,
): RunfcgidError {
  const words = cause instanceof Error ? `: ${cause.message}` : '';
  return new RunfcgidError('LISTEN_FAILED', `cannot listen on ${formatAddress(address)}: ${what}${words}`, {
    hint: explainOutOfFiles(cause)?.hint ?? hint,
    cause,
  });
}

/** The errno name of a failed call, of ours or of Node's; `undefined` for other errors. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('errno' in error && typeof error.errno === 'string') return error.errno;
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
