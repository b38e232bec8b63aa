import { ftruncateSync } from 'node:fs';
import { callKernel } from '../kernel.ts';
import { closeDescriptor } from './sockets.ts';

const flag = { closeOnExec: 1, allowSealing: 2 } as const;
const addSeals = 1033;
const seal = { furtherSeals: 1, shrink: 2, grow: 4 } as const;

/**
 * A file of zeros without a name, close-on-exec (memfd_create(2)). Its size is sealed (F_ADD_SEALS, fcntl(2)): whoever
 * gets the descriptor can write in it, and cannot make a mapping of another process end in SIGBUS.
 *
 * @param label shown in /proc/<pid>/maps.
 * @throws RunfcgidError KERNEL when no descriptor is left.
 */
export function openMemoryFile(label: string, sizeBytes: number): number {
  const fd = callKernel('memfd_create', label, flag.closeOnExec | flag.allowSealing);
  try {
    ftruncateSync(fd, sizeBytes);
    callKernel('fcntl', fd, addSeals, 'int', seal.shrink | seal.grow | seal.furtherSeals);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
  return fd;
}
