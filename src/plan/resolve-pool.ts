import { isAbsolute, resolve } from 'node:path';
import { isOneSocket } from '../config/address.ts';
import type { PoolConfig } from '../config/config.ts';
import type { PoolSettings } from '../config/settings.ts';
import { type ResolvedIdentity, resolveIdentity } from './identity.ts';
import { checkRunfcgiWords, flupStopSignal } from './legacy-words.ts';
import { resolveListen } from './listen.ts';
import type { DaemonPlan, LifecyclePlan, MemoryLimit, PoolPlan, ReloadPlan, WorkerPlan } from './plan.ts';
import { guessPreset } from './preset-guess.ts';
import { type Preset, type PresetName, presets } from './presets.ts';
import {
  djangoCommand,
  type EngineContext,
  engineEnvironment,
  enginePlan,
  wsgiCommand,
} from './python-engine.ts';
import type { Report } from './report.ts';
import { resolveProof } from './resolve-proof.ts';
import { resolveRequests } from './resolve-requests.ts';
import type { Surroundings } from './surroundings.ts';
import { workerEnvironment } from './worker-environment.ts';

const threadedWorkers = 2;

/** One pool with users as ids, paths absolute and defaults filled in; what is wrong goes to `report`. */
export function resolvePool(
  pool: PoolConfig,
  daemon: DaemonPlan,
  surroundings: Surroundings,
  report: Report,
): PoolPlan {
  const { settings } = pool;
  const presetName = resolvePreset(settings, report);
  const preset: Preset = presets[presetName];
  const listen = resolveListen(pool, daemon, preset, surroundings, report);
  const who = resolveIdentity(settings, surroundings, report);
  const workers = resolveWorkers(settings, preset, listen.length, report);
  const worker = resolveWorker(pool, preset, who, { surroundings, report });
  return {
    name: pool.name,
    preset: presetName,
    isAutostarted: settings.autostart,
    listen,
    workers,
    worker,
    lifecycle: resolveLifecycle(settings, preset, report),
    reload: resolveReload(settings, worker.directory, { workers, listen }, report),
    proof: resolveProof(settings, presetName, report),
    requests: resolveRequests(settings, pool.directory, report),
  };
}

function resolvePreset(settings: PoolSettings, report: Report): PresetName {
  const implied = settings.django ? 'django' : settings.wsgi ? 'wsgi' : undefined;
  if (implied === undefined) return settings.preset ?? guessPreset(settings.command ?? []);
  if (settings.preset !== undefined && settings.preset !== implied) {
    report.problem(
      ['preset'],
      `a pool with "${implied}" has the preset "${implied}", found "${settings.preset}"`,
    );
  }
  return implied;
}

function resolveWorkers(settings: PoolSettings, preset: Preset, addresses: number, report: Report): number {
  const isThreaded = (settings.django ?? settings.wsgi)?.method === 'threaded';
  const wanted = settings.workers ?? Math.max(isThreaded ? threadedWorkers : preset.workers, addresses);
  if (wanted < addresses) {
    const message = `expected at least one worker for each of the ${addresses} addresses, found ${wanted}`;
    report.problem(['workers'], message);
  }
  return wanted;
}

function resolveWorker(
  pool: PoolConfig,
  preset: Preset,
  { identity, account }: ResolvedIdentity,
  { surroundings, report }: { readonly surroundings: Surroundings; readonly report: Report },
): WorkerPlan {
  const { settings } = pool;
  const directory = resolve(pool.directory, settings.directory ?? '.');
  const engine = enginePlan(settings);
  const environment = workerEnvironment(pool, account, preset, surroundings, report);
  return {
    argv: resolveArgv(
      settings,
      {
        directory,
        isOwnUser: identity === undefined,
        surroundings,
        memory: resolveMemory(settings),
        requestTimeoutMs: settings.request_timeout ?? 0,
      },
      report,
    ),
    directory,
    environment: engine ? engineEnvironment(environment, surroundings.engineDirectory) : environment,
    identity,
    umask: settings.umask,
    engine,
  };
}

function resolveArgv(
  settings: PoolSettings,
  context: EngineContext,
  report: Report,
): readonly [string, ...string[]] {
  const engine = settings.django ?? settings.wsgi;
  if (engine?.method === 'prefork' && engine.threads !== undefined) {
    const key = settings.django ? 'django' : 'wsgi';
    report.problem([key, 'threads'], 'has a meaning only with method = "threaded"');
  }
  if (settings.django) return djangoCommand(settings.django, context);
  if (settings.wsgi) return wsgiCommand(settings.wsgi, context);
  checkRunfcgiWords(settings.command ?? [], report);
  const [program = '', ...words] = settings.command ?? [];
  const isRelative = program.includes('/') && !isAbsolute(program);
  return [isRelative ? resolve(context.directory, program) : program, ...words];
}

function resolveLifecycle(settings: PoolSettings, preset: Preset, report: Report): LifecyclePlan {
  if (settings.backoff_initial > settings.backoff_max) {
    report.problem(['backoff_initial'], 'is longer than backoff_max');
  }
  return {
    bootTimeoutMs: settings.boot_timeout,
    stopSignal: settings.stop_signal ?? usualStopSignal(settings, preset),
    gracefulTimeoutMs: settings.graceful_timeout,
    drainTimeoutMs: settings.drain_timeout,
    maxAgeMs: settings.max_age,
    memory: resolveMemory(settings),
    orphans: preset.orphans,
    retirement: preset.retirement,
    backoffInitialMs: settings.backoff_initial,
    backoffMaxMs: settings.backoff_max,
    maxRestarts: settings.max_restarts,
    restartWindowMs: settings.restart_window,
    expectedExits: settings.expected_exits ?? preset.expectedExits,
  };
}

function resolveMemory({ max_memory, memory_measure }: PoolSettings): MemoryLimit | undefined {
  return max_memory === undefined ? undefined : { maxBytes: max_memory, measure: memory_measure };
}

function usualStopSignal({ command = [] }: PoolSettings, preset: Preset): NodeJS.Signals {
  return preset === presets['django-legacy'] ? flupStopSignal(command) : preset.stopSignal;
}

function resolveReload(
  settings: PoolSettings,
  directory: string,
  { workers, listen }: Pick<PoolPlan, 'workers' | 'listen'>,
  report: Report,
): ReloadPlan {
  if (settings.watch_interval !== undefined && settings.watch === undefined) {
    report.problem(['watch_interval'], 'has a meaning only with "watch"');
  }
  const isRolling = settings.switch === 'rolling' || listen.some(({ address }) => isOneSocket(address));
  return {
    mode: isRolling ? 'rolling' : 'switch',
    surge: settings.surge ?? workers,
    touchFiles: (settings.touch_reload ?? []).map((file) => resolve(directory, file)),
    watch: settings.watch && { directory, patterns: settings.watch, pollMs: settings.watch_interval },
  };
}
