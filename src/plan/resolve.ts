import { formatAddress } from '../config/address.ts';
import type { Config, PoolConfig } from '../config/config.ts';
import type { Problem } from '../config/problem.ts';
import { collides } from './listen.ts';
import type { DaemonPlan, PoolPlan } from './plan.ts';
import { Report } from './report.ts';
import { resolveDaemon } from './resolve-daemon.ts';
import { resolvePool } from './resolve-pool.ts';
import type { Surroundings } from './surroundings.ts';

/** A plan whose problems do not have their lines yet. */
export interface Resolution {
  readonly daemon: DaemonPlan;
  readonly pools: readonly PoolPlan[];
  readonly refused: readonly RefusedResolution[];
  /** Problems of the whole: no daemon can start with them. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

export interface RefusedResolution {
  readonly name: string;
  readonly problems: readonly Problem[];
}

interface Resolved {
  readonly config: PoolConfig;
  readonly plan: PoolPlan;
  readonly report: Report;
}

/** Compares the configuration with the machine: users to ids, paths to absolute, defaults to numbers. */
export function resolvePlan(config: Config, surroundings: Surroundings): Resolution {
  const daemonReport = new Report({ file: config.daemon.file, path: ['daemon'] });
  const daemon = resolveDaemon(config, surroundings, daemonReport);
  const resolved = config.pools.map((pool) => resolveOne(pool, daemon, surroundings));
  refuseSharedAddresses(resolved);
  const isSound = ({ config: pool, report }: Resolved): boolean =>
    pool.problems.length === 0 && report.problems.length === 0;
  const sound = resolved.filter(isSound);
  return {
    daemon,
    pools: sound.map(({ plan }) => plan),
    refused: [...refusedPools(resolved.filter((pool) => !isSound(pool))), ...brokenFiles(config)],
    problems: [...config.problems, ...daemonReport.problems],
    // Doubts about a pool that is refused anyway would only hide why.
    warnings: [...daemonReport.warnings, ...sound.flatMap(({ report }) => report.warnings)],
  };
}

function resolveOne(config: PoolConfig, daemon: DaemonPlan, surroundings: Surroundings): Resolved {
  const report = new Report({ file: config.file, path: ['pools', config.name] });
  return { config, plan: resolvePool(config, daemon, surroundings, report), report };
}

/** The first pool keeps the address: a pool that is added must not take down one that works. */
function refuseSharedAddresses(resolved: readonly Resolved[]): void {
  for (const [index, second] of resolved.entries()) {
    for (const first of resolved.slice(0, index)) {
      const shared = sharedAddress(second.plan, first.plan);
      if (shared === undefined) continue;
      const message = `pool "${second.plan.name}" listens on ${shared}, which pool "${first.plan.name}" has already`;
      second.report.problem(['listen'], message, { elsewhere: first.report.place(['listen']) });
    }
  }
}

function sharedAddress(second: PoolPlan, first: PoolPlan): string | undefined {
  const shared = second.listen.find(({ address }) =>
    first.listen.some((other) => collides(address, other.address)),
  );
  return shared === undefined ? undefined : formatAddress(shared.address);
}

function refusedPools(resolved: readonly Resolved[]): RefusedResolution[] {
  return resolved.map(({ config, report }) => ({
    name: config.name,
    problems: [...config.problems, ...report.problems],
  }));
}

/** Called by the whole name of the file where a pool has its short name already. */
function brokenFiles(config: Config): RefusedResolution[] {
  const taken = config.pools.map((pool) => pool.name);
  return config.broken.map(({ name, problem }) => ({
    name: taken.includes(name) ? `${name}.toml` : name,
    problems: [problem],
  }));
}
