import { RunfcgidError } from '../errors.ts';
import type { Log } from '../host/log.ts';
import { changeBetween } from '../plan/diff.ts';
import type { PoolPlan } from '../plan/plan.ts';
import type { TriggerEvent } from '../triggers/event.ts';
import type { Death } from '../workers/worker-contract.ts';
import type { Generation } from './generation.ts';
import { Generations } from './generations.ts';
import type { Action } from './observation.ts';
import { PoolTriggers } from './pool-triggers.ts';
import { PoolRecord, type Trouble } from './record.ts';
import { ReloadRequests } from './reload-requests.ts';
import type { PoolSurroundings } from './surroundings.ts';
import { UnaskedReloads } from './unasked-reloads.ts';
import { isReady } from './worker-standing.ts';

export interface SuccessionEvents {
  readonly onChange: () => void;
  readonly onFire: (event: TriggerEvent) => void;
}

type Tending = Exclude<Action['do'], 'open-live' | 'open-candidate' | 'resize'>;

/** How generations follow each other: carries out what reconcile.ts decided, and answers those who wait for it. */
export class Succession {
  readonly generations: Generations;
  readonly record: PoolRecord;
  readonly reloads = new ReloadRequests();
  readonly triggers: PoolTriggers;
  readonly unasked: UnaskedReloads;
  readonly #surroundings: PoolSurroundings;
  readonly #log: Log;
  #plan: PoolPlan;
  #retryAtMs: number | undefined;

  constructor(plan: PoolPlan, surroundings: PoolSurroundings, events: SuccessionEvents) {
    this.#plan = plan;
    this.#surroundings = surroundings;
    this.#log = surroundings.log;
    this.record = new PoolRecord(plan.name, surroundings);
    this.triggers = new PoolTriggers(surroundings, events.onFire);
    this.generations = new Generations(surroundings, {
      isOutdated: () => this.isOutdated(),
      stop: () => this.record.stop,
      onChange: events.onChange,
      onDeath: (death) => this.#noteDeath(death),
      onRecycled: (worker, wear) => this.record.noteRecycled(worker, wear),
      onStuck: (worker) => this.unasked.forStuck(worker),
      onCut: (worker, connections) => this.record.noteCut(worker, connections),
      onRequest: (worker, event) => this.record.requests.note(worker, event, this.#plan.requests),
    });
    const { reloads, generations } = this;
    this.unasked = new UnaskedReloads({ log: this.#log, reloads, generations });
  }

  /** Monotonic milliseconds of the next attempt of a pool that gave up. */
  get retryAtMs(): number | undefined {
    return this.#retryAtMs;
  }

  /** What generations are opened from now on. */
  follow(plan: PoolPlan): void {
    this.#plan = plan;
  }

  /** New workers of the live generation may run other code than it has proven, or would run an old configuration. */
  isOutdated(): boolean {
    const { live } = this.generations;
    if (live === undefined) return false;
    if (live.source === 'lost' || changeBetween(live.plan, this.#plan) === 'roll') return true;
    return live.source === 'disk' && this.triggers.haveFiredSince(live.number);
  }

  tryAgainNow(): void {
    if (this.#retryAtMs !== undefined) this.#retryAtMs = this.#surroundings.clock.now();
  }

  forgetTrouble(): void {
    this.#retryAtMs = undefined;
    this.record.forgetTrouble();
  }

  /** Enough workers are ready. */
  noteRunning(): void {
    this.record.forgetEarlyDeaths();
  }

  /** Enough workers are ready: answers those who wait for new ones, once no old one is left beside them. */
  settleServing(): void {
    const { live, candidate, isRolling } = this.generations;
    if (live === undefined || candidate !== undefined || isRolling) return;
    this.reloads.settle({ kind: 'switched', generation: live.number });
  }

  /**
   * Takes a reload back: a candidate is given up; otherwise the generation before the live one gets the address
   * again, as long as it drains. False when there is neither.
   */
  takeBack(): boolean {
    const { candidate, previous } = this.generations;
    this.unasked.noteTakenBack();
    if (candidate !== undefined) {
      // Before anything changes, which would be taken for a pool that serves and has no reload any more.
      this.reloads.settle({ kind: 'cancelled', reason: 'the reload was taken back' });
      this.generations.withdraw(candidate);
      return true;
    }
    if (previous === undefined) return false;
    const { number: generation } = previous;
    this.generations.switchTo(previous);
    this.#log.warn({ event: 'generation.taken-back', generation }, `generation ${generation} serves again`);
    return true;
  }

  act(action: Action): void {
    if (action.do === 'open-live') this.#open('live');
    else if (action.do === 'open-candidate') this.#open('proving');
    else if (action.do === 'resize') this.generations.get(action.generation).resize(action.size);
    else this.#tending[action.do](this.generations.get(action.generation));
  }

  readonly #tending: Readonly<Record<Tending, (generation: Generation) => void>> = {
    renew: (generation) => this.#renew(generation),
    'switch-to': (generation) => this.#succeed(generation, () => this.generations.switchTo(generation)),
    join: (generation) => this.#succeed(generation, () => this.generations.join(generation)),
    refuse: (generation) => this.#refuse(generation),
    withdraw: (generation) => this.generations.withdraw(generation),
    'retire-one': (generation) => generation.retireOne(),
    'stop-workers': (generation) => this.generations.stopWorkers(generation),
    'start-workers': (generation) => this.#startWorkers(generation),
    'start-successor': (generation) => generation.startSuccessor(),
    relieve: (generation) => generation.relieve(),
    'drop-successors': (generation) => generation.dropSuccessors(),
    fill: (generation) => generation.fill(),
    'reload-worn': () => this.unasked.forWorn(),
    close: (generation) => this.#close(generation),
    hold: (generation) => this.#hold(generation),
    'give-up': (generation) => this.#giveUp(generation),
  };

  #open(phase: 'live' | 'proving'): void {
    this.reloads.begin();
    this.#retryAtMs = undefined;
    const fingerprint = this.triggers.fingerprint();
    try {
      const { number } = this.generations.open(phase, this.#plan);
      this.triggers.remember(number, fingerprint);
      this.record.openFailure = undefined;
      this.#log.info(
        { event: `generation.${phase}`, generation: number },
        `generation ${number} is ${phase}`,
      );
    } catch (error) {
      if (!(error instanceof RunfcgidError)) throw error;
      const trouble = this.record.troubleOf(error);
      this.record.openFailure = phase === 'live' ? trouble : undefined;
      if (phase === 'live') this.#retryAtMs = this.#nextRetryMs();
      this.#refuseReload(trouble, phase === 'live' ? 'pool.failed' : 'reload.refused');
    }
  }

  #renew(generation: Generation): void {
    this.reloads.begin();
    this.forgetTrouble();
    const fingerprint = this.triggers.fingerprint();
    try {
      const { number } = this.generations.renew(generation, this.#plan);
      this.triggers.remember(number, fingerprint);
      this.#log.info({ event: 'generation.live', generation: number }, 'new workers take over what waits');
    } catch (error) {
      if (!(error instanceof RunfcgidError)) throw error;
      this.#refuseReload(this.record.troubleOf(error), 'reload.refused');
    }
  }

  #succeed(generation: Generation, takeOver: () => void): void {
    const worn = this.generations.live?.workers ?? [];
    try {
      takeOver();
    } catch (error) {
      if (!(error instanceof RunfcgidError)) throw error;
      this.generations.refuse(generation);
      this.#refuseReload(this.record.troubleOf(error), 'reload.refused');
      return;
    }
    const { number } = generation;
    const live = this.generations.live?.number ?? number;
    this.triggers.inherit(number, live);
    this.record.refusal = undefined;
    this.unasked.noteSwitched();
    for (const worker of worn) if (worker.wear !== undefined) this.record.noteRecycled(worker, worker.wear);
    this.#log.info({ event: 'generation.switched', generation: live }, `generation ${live} serves now`);
    if (!this.generations.isRolling) this.reloads.settle({ kind: 'switched', generation: live });
  }

  #refuse(generation: Generation): void {
    const { lastDeath } = this.record;
    const isOurs = lastDeath?.generation === generation.number;
    this.generations.refuse(generation);
    this.#refuseReload(isOurs ? lastDeath : this.record.trouble('a worker was lost'), 'reload.refused');
  }

  #refuseReload({ reason, output }: Trouble, event: 'pool.failed' | 'reload.refused'): void {
    if (event === 'reload.refused') {
      this.record.refusal = this.record.trouble(reason, output);
      this.unasked.noteRefused(this.#nextRetryMs());
    }
    const what = event === 'pool.failed' ? 'pool failed for now' : 'reload refused';
    this.#log.error({ event, output }, `${what}: ${reason}`);
    this.reloads.settle({ kind: 'refused', reason, output });
  }

  #close(generation: Generation): void {
    this.generations.close(generation);
    this.triggers.forget(generation.number);
  }

  #startWorkers(generation: Generation): void {
    this.#retryAtMs = undefined;
    if (!generation.workers.some(({ state }) => isReady(state.name))) this.record.refusal = undefined;
    generation.startWorkers();
  }

  #hold(generation: Generation): void {
    generation.giveUp();
    this.unasked.forLost();
  }

  #giveUp(generation: Generation): void {
    generation.giveUp();
    // Those of its workers that end after that are no news.
    if (this.#retryAtMs !== undefined) return;
    this.#retryAtMs = this.#nextRetryMs();
    this.#refuseReload(this.record.whyGivenUp, 'pool.failed');
  }

  #noteDeath(death: Death): void {
    const { live } = this.generations;
    this.record.noteDeath(death, {
      isBeside: live?.number !== death.generation || live.successors.some(({ id }) => id === death.worker),
      hasReadyWorkers: live?.workers.some(({ state }) => isReady(state.name)) ?? false,
      windowMs: this.#plan.lifecycle.restartWindowMs,
    });
  }

  #nextRetryMs(): number {
    return this.#surroundings.clock.now() + this.#plan.lifecycle.backoffMaxMs;
  }
}
