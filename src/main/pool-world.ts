import { dirname } from 'node:path';
import type { Clock } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import { readMemory } from '../host/memory.ts';
import type { DaemonPlan, ReloadPlan } from '../plan/plan.ts';
import { AddressWatch } from '../pools/address-watch.ts';
import { measurePools } from '../pools/measure.ts';
import type { SupervisorSurroundings } from '../pools/supervisor.ts';
import { proveAccept } from '../probes/accept-proof.ts';
import { UsageReader } from '../probes/usage.ts';
import { createEndpoint } from '../sockets/create-endpoint.ts';
import { watchDrain } from '../sockets/drain-watch.ts';
import type { InheritedSockets } from '../sockets/inherited.ts';
import type { TriggerEvent } from '../triggers/event.ts';
import { Triggers } from '../triggers/triggers.ts';
import { ExecLauncher } from '../workers/exec-launcher.ts';
import { ForkServers } from '../workers/fork-servers.ts';
import { RecordingLauncher } from '../workers/recording-launcher.ts';
import { Retirement } from '../workers/retirement.ts';
import { WorkerLedger } from '../workers/worker-ledger.ts';

export interface PoolWorldOptions {
  readonly plan: DaemonPlan;
  readonly clock: Clock;
  readonly log: Log;
  readonly appendTo: (file: string, text: string) => void;
  readonly inherited: InheritedSockets;
  /** Daemons whose addresses are taken over. */
  readonly predecessors: readonly number[];
}

export interface PoolWorld extends Omit<SupervisorSurroundings, 'describeDaemon' | 'readPlan'> {
  /** Resolves when no process is left that serves no pool any more, and nothing is written down of any. */
  readonly settled: () => Promise<void>;
}

/** The real world, as pools and workers know it. */
export function createPoolWorld(options: PoolWorldOptions): PoolWorld {
  const { plan, clock, log, appendTo, inherited, predecessors } = options;
  const usage = new UsageReader();
  const ledger = new WorkerLedger(ledgerPath(plan), log);
  const forkServers = new ForkServers({ clock, ledger });
  return {
    clock,
    log,
    appendTo,
    launcher: new RecordingLauncher(new ExecLauncher(clock), ledger),
    createForkLauncher: (pool, poolLog) => forkServers.createLauncher(pool, poolLog),
    settled: () => forkServers.ended().then(() => ledger.end()),
    random: Math.random,
    retire: (retirement) => new Retirement({ ...retirement, clock, log }),
    createEndpoint: (listen) => createEndpoint(listen, { inherited, clock, predecessors }),
    watchDrain: (drain) => watchDrain({ ...drain, clock }),
    proveAccept,
    readMemory,
    createTriggers: (reload, poolLog, onFire) => openTriggers({ reload, plan, clock, log: poolLog, onFire }),
    measure: (pools) => measurePools(pools, usage),
    watchAddresses: (onHint) => new AddressWatch({ onHint, clock, log }),
  };
}

/** Where the living workers are written down for a daemon that comes after this one was killed. */
export function ledgerPath({ runtimeDir }: Pick<DaemonPlan, 'runtimeDir'>): string {
  return `${runtimeDir}/workers.json`;
}

interface TriggerRequest {
  readonly reload: ReloadPlan;
  readonly plan: DaemonPlan;
  readonly clock: Clock;
  readonly log: Log;
  readonly onFire: (event: TriggerEvent) => void;
}

function openTriggers({ reload, plan, clock, log, onFire }: TriggerRequest): Triggers | undefined {
  const { touchFiles, watch } = reload;
  if (touchFiles.length === 0 && watch === undefined) return undefined;
  const triggers = new Triggers({
    files: touchFiles,
    watch: watch && { ...watch, ignore: ownFiles(plan) },
    pollMs: watch?.pollMs,
    clock,
    log,
    onFire,
  });
  triggers.start().catch((cause: unknown) => {
    log.error({ event: 'trigger.failed', cause }, 'changes of the trigger files cannot be seen');
  });
  return triggers;
}

/** What the daemon writes must not make it reload. */
function ownFiles(plan: DaemonPlan): readonly string[] {
  return [
    plan.runtimeDir,
    plan.pidfile,
    plan.controlSocket,
    ...(plan.log.file ? [dirname(plan.log.file)] : []),
  ];
}
