/** What a worker must show before it counts as ready, while nobody else serves its socket. */
export type ProofPlan =
  /** Accept a connection of ours; nothing is sent. */
  | { readonly level: 'accept' }
  /** The Python engine's own word that it has loaded the application and is about to accept. */
  | { readonly level: 'loaded' }
  /** Answer FCGI_GET_VALUES on a connection that it holds. */
  | { readonly level: 'values'; readonly timeoutMs: number }
  /** Answer a request on a connection that it holds. */
  | RequestProofPlan;

export interface RequestProofPlan {
  readonly level: 'request';
  /** How long the exchange may take once the worker has accepted the connection. */
  readonly timeoutMs: number;
  /** With the query; begins with a slash. */
  readonly path: string;
  readonly host: string;
  /** Header lines of HTTP by their names. */
  readonly headers: Readonly<Record<string, string>>;
  /** FastCGI parameters that win over those made from the rest. */
  readonly params: Readonly<Record<string, string>>;
  /** Statuses that prove the worker. */
  readonly statuses: readonly StatusRange[];
}

/** Both ends included. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

export type ProofLevel = ProofPlan['level'];

/** "accept", "request /health/" and the like, as `status` and `check` name it. */
export function describeProof(proof: ProofPlan): string {
  return proof.level === 'request' ? `request ${proof.path}` : proof.level;
}
