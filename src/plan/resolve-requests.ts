import { resolve } from 'node:path';
import type { PoolSettings } from '../config/settings.ts';
import type { RequestPlan } from './plan.ts';
import type { Report } from './report.ts';

const engineOnly = ['slow_request', 'slow_log', 'request_timeout'] as const;

/** @param directory of the pool's file, from which `slow_log` counts. */
export function resolveRequests(settings: PoolSettings, directory: string, report: Report): RequestPlan {
  if (settings.command !== undefined) {
    for (const key of engineOnly.filter((name) => settings[name] !== undefined)) {
      const message =
        'has a meaning only for "django" and "wsgi": another program does not show its requests';
      report.problem([key], message);
    }
  } else if (settings.slow_log !== undefined && !settings.slow_request) {
    report.problem(['slow_log'], 'has a meaning only with "slow_request"');
  }
  return {
    slowMs: settings.slow_request || undefined,
    slowLog: settings.slow_log === undefined ? undefined : resolve(directory, settings.slow_log),
    timeoutMs: settings.request_timeout || undefined,
  };
}
