import { describeError, explainOutOfFiles, RunfcgidError } from '../errors.ts';
import { monotonicMicroseconds } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import type { Notifier } from '../host/notify.ts';
import type { Commands, PoolOutcome } from '../pools/commands.ts';

export interface ReconfigurationOptions {
  readonly commands: Pick<Commands, 'reconfigure' | 'status'>;
  readonly notifier: Pick<Notifier, 'reloading' | 'ready'>;
  readonly log: Log;
}

/**
 * Applies the configuration as it is now because a signal asked for it: nobody waits for an answer, so the log and
 * the service manager get it (`RELOADING=1`, and `READY=1` when all is done, sd_notify(3)). One that is invalid
 * changes nothing. Never rejects.
 */
export async function reconfigure({ commands, notifier, log }: ReconfigurationOptions): Promise<void> {
  notifier.reloading(monotonicMicroseconds());
  try {
    const { outcomes, notes } = await commands.reconfigure(() => {});
    for (const outcome of outcomes) logOutcome(outcome, log);
    log.info({ event: 'config.applied' }, whatIsApplied(outcomes, notes));
  } catch (error) {
    const known = explainOutOfFiles(error) ?? error;
    const hint = known instanceof RunfcgidError ? known.hint : undefined;
    log.error(
      { event: 'config.refused', problems: describeError(error).split('\n'), hint },
      'the configuration cannot be applied; everything goes on as it was',
    );
  }
  notifier.ready(await runningPools(commands));
}

/** New workers for every pool, because a signal asked for it; the log gets the answer. Never rejects. */
export async function renewWorkers({
  commands,
  log,
}: {
  readonly commands: Pick<Commands, 'run'>;
  readonly log: Log;
}): Promise<void> {
  try {
    for (const outcome of await commands.run('reload', 'all', () => {})) logOutcome(outcome, log);
  } catch (error) {
    log.error({ event: 'reload.refused', cause: describeError(error) }, 'there is nothing to reload');
  }
}

function logOutcome({ pool, isDone, message, details }: PoolOutcome, log: Log): void {
  if (isDone) log.info({ event: 'config.pool', pool }, message);
  else log.error({ event: 'config.pool', pool, details }, message);
}

async function runningPools(commands: Pick<Commands, 'status'>): Promise<string> {
  try {
    const { pools } = await commands.status();
    return `${pools.filter(({ state }) => state === 'running').length} of ${pools.length} pools running`;
  } catch (error) {
    // No descriptor left to measure with, for example.
    return `running; the pools cannot be looked at: ${describeError(error)}`;
  }
}

/** `notes` have been told already: something has changed that is not applied. */
function whatIsApplied(outcomes: readonly PoolOutcome[], notes: readonly string[]): string {
  const changed = outcomes.filter(({ isDone }) => isDone).length;
  const wrong = outcomes.length - changed;
  if (wrong > 0) {
    const problems = wrong === 1 ? '1 pool has a problem' : `${wrong} pools have problems`;
    return `the configuration is applied as far as it can be: ${changesOf(changed)}, ${problems}`;
  }
  if (changed === 0 && notes.length === 0) return 'the configuration is applied: nothing has changed';
  return `the configuration is applied: ${changesOf(changed)}`;
}

function changesOf(count: number): string {
  if (count === 0) return 'no pool has changed';
  return count === 1 ? '1 pool has changed' : `${count} pools have changed`;
}
