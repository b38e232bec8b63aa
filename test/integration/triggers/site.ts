import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Clock, systemClock } from '../../../src/host/clock.ts';
import type { Log, LogFields } from '../../../src/host/log.ts';
import type { TriggerEvent } from '../../../src/triggers/event.ts';
import { Triggers, type TriggersOptions } from '../../../src/triggers/triggers.ts';

/** For what hangs alone. */
const waitMs = 30_000;

/**
 * Time in which nothing is found by looking at intervals: such a look falls on a multiple of its interval, where nothing
 * else does.
 */
export const hintsAlone: Clock = {
  ...systemClock,
  at: (deadlineMs, action) =>
    deadlineMs % 5_000 === 0 ? { cancel: () => {} } : systemClock.at(deadlineMs, action),
};

/** A temporary directory with a site in it, and triggers on it; waits have a deadline. */
export class Site {
  readonly root = mkdtempSync(join(tmpdir(), 'runfcgid-triggers-'));
  readonly log: LogFields[] = [];
  readonly events: TriggerEvent[] = [];
  #wake: (() => void)[] = [];
  #open: Triggers[] = [];

  path(...names: string[]): string {
    return join(this.root, ...names);
  }

  write(name: string, text = 'text'): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
  }

  rename(from: string, to: string): void {
    renameSync(this.path(from), this.path(to));
  }

  /** Points the symbolic link at `target` in one step, as `ln -sfn` followed by `mv -T` does. */
  switchLink(name: string, target: string): void {
    symlinkSync(target, this.path(`${name}.new`));
    this.rename(`${name}.new`, name);
  }

  /** Starts triggers with short settle times; `files` and `directory` are relative to the site. */
  async watch(
    options: Partial<TriggersOptions> & { readonly tree?: string; readonly patterns?: readonly string[] },
  ): Promise<Triggers> {
    const { tree, patterns = ['**/*.py'], files = [], ...rest } = options;
    const triggers = new Triggers({
      touchSettleMs: 60,
      watchSettleMs: 150,
      clock: systemClock,
      ...rest,
      files: files.map((file) => this.path(file)),
      watch: tree === undefined ? undefined : { directory: this.path(tree), patterns, ignore: [] },
      log: this.#collectingLog(),
      onFire: (event) => {
        this.events.push(event);
        for (const wake of this.#wake.splice(0)) wake();
      },
    });
    this.#open.push(triggers);
    await triggers.start();
    return triggers;
  }

  /** The next event that was not taken yet. */
  async fired(): Promise<TriggerEvent> {
    const deadlineMs = systemClock.now() + waitMs;
    for (;;) {
      const event = this.events.shift();
      if (event !== undefined) return event;
      if (systemClock.now() > deadlineMs) throw new Error(`no trigger fired within ${waitMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = systemClock.at(deadlineMs + 1, resolve);
        this.#wake.push(() => {
          timer.cancel();
          resolve();
        });
      });
    }
  }

  logged(event: string): readonly LogFields[] {
    return this.log.filter((fields) => fields.event === event);
  }

  async remove(): Promise<void> {
    for (const triggers of this.#open) await triggers.close();
    rmSync(this.root, { recursive: true, force: true });
  }

  #collectingLog(): Log {
    const collect = (fields: LogFields): void => void this.log.push(fields);
    const log: Log = {
      debug: collect,
      info: collect,
      warn: collect,
      error: collect,
      output: () => {},
      child: () => log,
    };
    return log;
  }
}
