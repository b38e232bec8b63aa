/**
 * The life of a generation: the workers started from the same code and configuration, together with the listen
 * sockets they accept on.
 *
 * The first generation of a pool begins `live`: there is nothing that it could replace wrongly, and its address
 * is published before its workers are up, so that requests wait instead of being refused. Every later one begins
 * `proving`, unreachable for everybody but the prober. Only a generation whose workers have all shown themselves
 * ready is switched to; then the one before it drains: it gets nothing new, finishes what it has, and is stopped
 * when it is empty. A switch can be taken back while the old generation still drains.
 *
 * Where all generations share their sockets, a switch starts the proven code once more as a generation on them,
 * and the old one is `yielding`: it leaves worker by worker, each at a moment without a connection. It also does when
 * a pool is stopped whose address cannot be withdrawn.
 */
export type GenerationPhase = 'proving' | 'live' | 'draining' | 'yielding' | 'stopping' | 'refused' | 'gone';

export type GenerationEvent =
  /** Every worker is ready, and the address leads here. */
  | 'published'
  /** A worker was lost or the time was up before all were ready. */
  | 'not-proven'
  /** The address leads to another generation, or nowhere. */
  | 'superseded'
  /** Others accept on the same sockets now or later, which cannot be taken from their address. */
  | 'joined'
  /** Nothing is queued or accepted any more, or the time for it is up. */
  | 'drained'
  /** Stop now, drained or not. */
  | 'cut'
  /** No process is left. */
  | 'emptied';

const phases: Readonly<Record<GenerationPhase, Partial<Record<GenerationEvent, GenerationPhase>>>> = {
  proving: { published: 'live', 'not-proven': 'refused', superseded: 'stopping', cut: 'stopping' },
  live: { superseded: 'draining', joined: 'yielding', cut: 'stopping' },
  draining: { published: 'live', drained: 'stopping', cut: 'stopping' },
  yielding: { drained: 'stopping', cut: 'stopping' },
  stopping: { emptied: 'gone' },
  refused: { emptied: 'gone' },
  gone: {},
};

/** The phase after `event`; an event without a place in the table changes nothing. */
export function nextPhase(phase: GenerationPhase, event: GenerationEvent): GenerationPhase {
  return phases[phase][event] ?? phase;
}

/** The address of such a generation can lead to another, or does so already. */
export function canBeRelieved(phase: GenerationPhase): boolean {
  return phase === 'live' || phase === 'draining';
}
