import { callKernel } from '../kernel.ts';

/**
 * So many bytes that nobody can guess, in hexadecimal digits (getrandom(2), which never gives fewer up to 256 bytes).
 * Not from node:crypto: loading it takes some 5 ms of the daemon's start, for this alone.
 */
export function randomHex(bytes: number): string {
  const random = Buffer.alloc(bytes);
  callKernel('getrandom', random, bytes, 0);
  return random.toString('hex');
}
