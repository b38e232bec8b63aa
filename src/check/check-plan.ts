import type { Plan, PoolPlan } from '../plan/plan.ts';
import { checkDaemon } from './check-daemon.ts';
import { checkListen } from './check-listen.ts';
import { checkProgram } from './check-program.ts';
import { checkPython } from './check-python.ts';
import { checkSlowLog } from './check-slow-log.ts';
import type { CheckFinding, PoolFinding } from './finding.ts';
import type { CheckReaders } from './readers.ts';

/**
 * The dry run: what would go wrong if the plan were started now, as far as that can be told without starting
 * it. Nothing is changed. The daemon that runs this very configuration may be up meanwhile.
 */
export async function checkPlan(plan: Plan, readers: CheckReaders): Promise<readonly CheckFinding[]> {
  const daemonPid = readers.livingPid(plan.daemon.pidfile);
  const pools = await Promise.all(plan.pools.map((pool) => checkPool(pool, daemonPid, readers)));
  return [...checkDaemon(plan.daemon, readers), ...refusedPools(plan), ...pools.flat()];
}

async function checkPool(
  pool: PoolPlan,
  daemonPid: number | undefined,
  readers: CheckReaders,
): Promise<readonly CheckFinding[]> {
  const program = await checkProgram(pool.worker, readers);
  const isRunnable = program.every(({ severity }) => severity !== 'problem');
  const findings: readonly PoolFinding[] = [
    ...program,
    // An interpreter that cannot be started has nothing to say about modules.
    ...(isRunnable ? await checkPython(pool, readers) : []),
    ...(await checkListen(pool, daemonPid, readers)),
    ...checkSlowLog(pool, readers),
  ];
  return findings.map((finding) => ({ ...finding, pool: pool.name }));
}

function refusedPools({ refused }: Plan): readonly CheckFinding[] {
  return refused.flatMap(({ name, problems }) =>
    problems.map((message) => ({ severity: 'problem', pool: name, key: '', message }) as const),
  );
}
