import type { NewLead } from '../sockets/drain.ts';
import type { DrainProgress, DrainWatch } from '../sockets/drain-watch.ts';
import type { ListenSocket } from '../sockets/endpoint.ts';
import type { Generation } from './generation.ts';
import type { PoolSurroundings } from './surroundings.ts';

interface Drain {
  readonly deadlineMs: number;
  isDone: boolean;
  cancel(): void;
  look(): DrainProgress;
}

/** Generations that have lost their address, and whether they have finished. */
export class Drains {
  readonly #surroundings: PoolSurroundings;
  readonly #onChange: () => void;
  readonly #drains = new Map<Generation, Drain>();

  constructor(surroundings: PoolSurroundings, onChange: () => void) {
    this.#surroundings = surroundings;
    this.#onChange = onChange;
  }

  /** @param sockets those of its sockets that get nothing new. */
  begin(generation: Generation, sockets: readonly ListenSocket[], lead: NewLead): void {
    const { clock, watchDrain } = this.#surroundings;
    let watch: DrainWatch | undefined;
    const drain: Drain = {
      deadlineMs: clock.now() + generation.plan.lifecycle.drainTimeoutMs,
      isDone: false,
      cancel: () => watch?.cancel(),
      look: () => watch?.look() ?? { accepted: 0, queued: 0, unknown: [] },
    };
    // It ends at its deadline even when nobody can look.
    this.#drains.set(generation, drain);
    watch = watchDrain({
      sockets,
      lead,
      ownPids: () => generation.present.flatMap(({ pid }) => pid ?? []),
      pids: () => generation.present.flatMap((worker) => worker.treePids()),
      onDrained: () => {
        drain.isDone = true;
        this.#onChange();
      },
    });
  }

  /** Stops watching; says in the log how many connections are cut when it was not done. */
  end(generation: Generation): void {
    const drain = this.#drains.get(generation);
    if (drain === undefined) return;
    this.forget(generation);
    if (!drain.isDone && !generation.isEmpty) this.#reportCut(generation, drain.look());
  }

  /** Stops watching a generation that got its address back. */
  forget(generation: Generation): void {
    this.#drains.get(generation)?.cancel();
    this.#drains.delete(generation);
  }

  isDone(generation: Generation): boolean {
    return this.#drains.get(generation)?.isDone ?? false;
  }

  /** Monotonic milliseconds at which it ends in any case; `undefined` when the generation does not drain. */
  deadlineMs(generation: Generation): number | undefined {
    return this.#drains.get(generation)?.deadlineMs;
  }

  #reportCut(generation: Generation, { accepted, queued, unknown }: DrainProgress): void {
    if (accepted === 0 && queued === 0 && unknown.length === 0) return;
    this.#surroundings.log.warn(
      { event: 'drain.ended', generation: generation.number, accepted, queued, unknown },
      `${accepted} accepted and ${queued} waiting connections were left when the drain ended`,
    );
  }
}
