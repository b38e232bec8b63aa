import { readVersion } from '../host/version.ts';
import type { DaemonPlan } from '../plan/plan.ts';
import type { DaemonSnapshot } from '../status/snapshot.ts';

/** The view of the daemon itself. */
export function describeDaemon(plan: DaemonPlan, startedAt: string, uptimeMs: number): DaemonSnapshot {
  return {
    pid: process.pid,
    version: readVersion(),
    startedAt,
    uptimeMs: Math.round(uptimeMs),
    configFiles: plan.configFiles,
    runtimeDir: plan.runtimeDir,
    controlSocket: plan.controlSocket,
    memoryBytes: process.memoryUsage.rss(),
  };
}
