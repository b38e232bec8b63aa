/** What is known of the probe connections of one socket. */
export interface ProbeSupply {
  readonly workers: number;
  /** Workers that were not seen holding a connection yet. */
  readonly unproven: number;
  /** Probe connections open now. */
  readonly held: number;
  /** How many of them (or of other clients) still wait to be accepted. */
  readonly queued: number;
}

export type ProbeDemand = 'none' | 'open-one' | 'replace-oldest';

/** More are never held: a program that takes all it can get would otherwise take every descriptor. */
export function mostProbes(workers: number): number {
  return 2 * workers + 8;
}

/**
 * What a socket needs so that each unproven worker finds a connection waiting. A program that accepts several
 * at once leaves none for a slower neighbour: then one more is offered, and at the limit the oldest is given up
 * for a new one.
 */
export function probeDemand({ workers, unproven, held, queued }: ProbeSupply): ProbeDemand {
  if (queued >= unproven) return 'none';
  return held < mostProbes(workers) ? 'open-one' : 'replace-oldest';
}
