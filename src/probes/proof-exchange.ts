import type { SocketAddress } from '../config/address.ts';
import type { Clock } from '../host/clock.ts';
import type { ProofPlan } from '../plan/proof.ts';
import type { ProbeConnection } from '../sockets/endpoint.ts';
import type { ProofFailure } from './proof-answer.ts';
import { askRequest, askValues } from './proof-questions.ts';

export interface ExchangeOptions {
  readonly connection: ProbeConnection;
  /** Where the connection leads. */
  readonly address: SocketAddress;
  readonly clock: Clock;
  /** Closes the connection; what is returned then means nothing. */
  readonly signal: AbortSignal;
}

export type ProofExchange = (options: ExchangeOptions) => Promise<ProofFailure | undefined>;

/** What the level asks of a worker on a connection that it holds; `undefined`: nothing is sent. */
export function exchangeOf(proof: ProofPlan): ProofExchange | undefined {
  switch (proof.level) {
    case 'accept':
    case 'loaded':
      return undefined;
    case 'values':
      return (options) => askValues(proof, options);
    case 'request':
      return (options) => askRequest(proof, options);
  }
}
