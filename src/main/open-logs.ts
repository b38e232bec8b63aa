import type { Clock } from '../host/clock.ts';
import { createLog, type OpenLog } from '../host/log.ts';
import { appendToLogFile } from '../host/log-files.ts';
import { withOutputFile } from '../host/output-log.ts';
import type { DaemonPlan } from '../plan/plan.ts';

export interface LogSurroundings {
  /** In the background: standard output leads nowhere. */
  readonly isDaemonized: boolean;
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: Clock;
}

/** The daemon's log, and a way to other log files. */
export interface OpenLogs extends OpenLog {
  /** Appends whole lines to a file of their own; never throws. */
  readonly append: (file: string, text: string) => void;
}

/**
 * The daemon's log, and `outputFile` for what the workers write to standard output, when there is one.
 *
 * @throws RunfcgidError DAEMON_FILE_FAILED when a file cannot be opened.
 */
export async function openLogs(
  plan: DaemonPlan,
  { isDaemonized, environment, clock }: LogSurroundings,
  outputFile: string | undefined,
): Promise<OpenLogs> {
  const isTerminal = process.stdout.isTTY;
  const openLog = await createLog(logPlan(plan, isDaemonized), { clock, isTerminal, environment });
  const opened = outputFile === undefined ? openLog : withOutputFile(openLog, outputFile, clock);
  return { ...opened, append: (file, text) => appendToLogFile(file, text, opened.log) };
}

/** A daemon in the background has no standard output to log to. */
function logPlan({ log, runtimeDir }: DaemonPlan, isDaemonized: boolean): DaemonPlan['log'] {
  return isDaemonized && log.file === undefined ? { ...log, file: `${runtimeDir}/runfcgid.log` } : log;
}
