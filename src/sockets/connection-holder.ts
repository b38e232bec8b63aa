import { withForeignDescriptor } from '../host/kernel/processes.ts';
import { peerName } from '../host/kernel/sockets.ts';
import { socketDescriptors } from '../host/procfs.ts';
import { type ConnectionName, nameOfSocket } from './connection-name.ts';

/**
 * Which of the client connections of these names a process has accepted; `unknown` where we may not look
 * (pidfd_getfd(2)) and none was found.
 */
export function connectionHeldBy(
  pids: readonly number[],
  names: ReadonlySet<ConnectionName>,
): ConnectionName | 'unknown' | undefined {
  let isHidden = false;
  for (const pid of pids) {
    const sockets = socketDescriptors(pid);
    if (sockets === 'gone') continue;
    if (sockets === 'denied') {
      isHidden = true;
      continue;
    }
    for (const fd of sockets.values()) {
      const peer = withForeignDescriptor(pid, fd, otherEnd);
      if (peer === 'denied') isHidden = true;
      else if (names.has(peer)) return peer;
    }
  }
  return isHidden ? 'unknown' : undefined;
}

function otherEnd(fd: number): ConnectionName {
  const name = peerName(fd);
  return name === undefined ? '' : nameOfSocket(name);
}
