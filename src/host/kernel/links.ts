import { callKernel } from '../kernel.ts';

/** PATH_MAX of limits.h; the kernel makes no link with a longer target (symlink(2)). */
const longestTarget = 4096;

/**
 * Where the symbolic link leads that the descriptor holds (O_PATH, open(2)). By its name it might be another one by now.
 *
 * @throws RunfcgidError KERNEL
 */
export function readHeldLink(fd: number): string {
  const target = Buffer.alloc(longestTarget);
  // An empty name is the descriptor itself, since Linux 2.6.39 (readlink(2)).
  const length = callKernel('readlinkat', fd, '', target, target.length);
  return target.toString('utf8', 0, length);
}
