import { formatAddress } from '../config/address.ts';
import { describeError } from '../errors.ts';
import type { Log } from '../host/log.ts';
import type { NewLead } from '../sockets/drain.ts';
import type { ListenSocket } from '../sockets/endpoint.ts';

/**
 * Makes the addresses of these sockets lead nowhere. One that stays (a directory that may not be written any more, a
 * file system that became read-only) is logged and no reason not to stop: a path that nobody listens behind is replaced
 * at the next start.
 *
 * @returns where they lead now: another daemon may have taken one over.
 */
export function withdrawAll(sockets: readonly ListenSocket[], log: Log): NewLead {
  let lead: NewLead = 'nowhere';
  for (const socket of sockets) {
    const { endpoint } = socket;
    try {
      if (!endpoint.isPublished(socket)) lead = 'elsewhere';
      endpoint.withdraw();
      if (endpoint.isFollowed === true) lead = 'elsewhere';
    } catch (error) {
      lead = 'elsewhere';
      const address = formatAddress(endpoint.address);
      const cause = describeError(error);
      log.error({ event: 'address.kept', address, cause }, 'the address cannot be withdrawn');
    }
  }
  return lead;
}
