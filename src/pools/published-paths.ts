import { isAbstract } from '../config/address.ts';
import type { Pool } from './pool.ts';

/** Paths that lead to the live generation. */
export function publishedPaths({ generations }: Pool): readonly string[] {
  const addresses = (generations.live?.sockets ?? []).map(({ endpoint }) => endpoint.address);
  return addresses.flatMap((address) =>
    address.kind === 'unix' && !isAbstract(address) ? [address.path] : [],
  );
}
