import { callKernel } from '../kernel.ts';
import { readInt32 } from './native-bytes.ts';

const closeOnExec = 0o2000000;

export interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
}

/**
 * A pipe, both ends close-on-exec (pipe(2)).
 *
 * @throws RunfcgidError KERNEL when no descriptor is left.
 */
export function openPipe(): Pipe {
  const ends = Buffer.alloc(8);
  callKernel('pipe2', ends, closeOnExec);
  return { readEnd: readInt32(ends, 0), writeEnd: readInt32(ends, 4) };
}
