import { formatAddress, type SocketAddress } from '../config/address.ts';
import { RunfcgidError } from '../errors.ts';

interface Reason {
  readonly words: string;
  readonly hint: string;
}

const startHint = 'Is the pool started? "fcgictl status" shows it.';

/** connect(2), unix(7): what each refusal means to the operator of a pool. */
const reasons: Readonly<Record<string, Reason>> = {
  ENOENT: { words: 'there is no such socket', hint: startHint },
  ENOTDIR: { words: 'a part of the path is not a directory', hint: 'Check the path of the socket.' },
  ECONNREFUSED: { words: 'nobody listens there', hint: startHint },
  ENOTSOCK: { words: 'it is not a socket', hint: 'Check the path of the socket.' },
  EACCES: {
    words: 'this user may not connect',
    hint: 'Connecting needs write permission on the socket and passage through its directories: see listen_mode and listen_group.',
  },
  EAGAIN: {
    words: 'its queue of waiting connections is full',
    hint: 'Every worker is busy: add workers, or find out what they are waiting for.',
  },
  ENAMETOOLONG: {
    words: 'the path is too long for a socket',
    hint: 'A socket path holds at most 107 bytes.',
  },
};

/** Nobody accepts on `address`; `cause` is the error of connect(2). */
export function unreachable(address: SocketAddress, cause: NodeJS.ErrnoException): RunfcgidError {
  const code = cause.code ?? 'unknown error';
  const reason = reasons[code];
  const words = reason === undefined ? `${cause.message}` : `${reason.words} (${code})`;
  return new RunfcgidError('FASTCGI_UNREACHABLE', `cannot connect to ${formatAddress(address)}: ${words}`, {
    hint: reason?.hint ?? startHint,
    cause,
  });
}
