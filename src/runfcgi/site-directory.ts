import {
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { RunfcgidError } from '../errors.ts';
import type { Clock } from '../host/clock.ts';
import { isTaken, type Pidfile, takePidfile } from '../host/pidfile.ts';
import { processStart } from '../host/process-start.ts';
import { prepareRuntimeDir } from '../host/runtime-dir.ts';
import type { Predecessors, Succession } from './succession.ts';

/**
 * How long a daemon that was told to end waits for the first sign of another one that takes over. A start takes half a
 * second until then, and many times that on a small machine that is busy with visitors.
 */
const signTimeoutMs = 5_000;
/** How long it serves on while that one starts. */
const handoverTimeoutMs = 120_000;
/** A daemon that was told to end a moment ago may not have noticed yet. */
const noticeTimeoutMs = 2_000;
const pollMs = 20;

/**
 * The directory of a site that was started from words, and the daemons that follow each other in it. Each has a
 * directory of its own, named by its pid, so that one can still finish while the next one serves; `control.sock`
 * leads to the one that serves.
 *
 * The script that restarts a site ends the old daemon and starts a new one, which needs a moment. A daemon in the
 * background that gets SIGTERM therefore serves on until the next one serves, if there is a sign of one soon.
 */
export class SiteDirectory implements Succession {
  readonly path: string;
  readonly #clock: Clock;
  readonly #lock: Pidfile;

  /**
   * Leaves a sign for a daemon of this site that is about to end: a successor is on its way. The process that
   * leaves it stands for it as long as it lives.
   */
  static announce(path: string): void {
    prepareRuntimeDir(path);
    refuseForeign(path);
    writeFileSync(join(path, 'coming'), `${process.pid}\n`);
  }

  /** @throws RunfcgidError DAEMON_FILE_FAILED when the directory cannot be used. */
  constructor(path: string, clock: Clock) {
    SiteDirectory.announce(path);
    this.path = path;
    this.#clock = clock;
    prepareRuntimeDir(this.runtimeDir);
    this.#lock = takePidfile(join(this.runtimeDir, 'lock'));
  }

  /** Of this daemon alone. */
  get runtimeDir(): string {
    return join(this.path, String(process.pid));
  }

  /** Survives the daemon. */
  get logFile(): string {
    return join(this.path, 'runfcgid.log');
  }

  /** Leads to the control socket of the daemon that serves. */
  get controlSocket(): string {
    return join(this.path, 'control.sock');
  }

  async predecessors(): Promise<Predecessors> {
    const others = readdirSync(this.path).filter(
      (name) => /^\d+$/.test(name) && Number(name) !== process.pid,
    );
    const isAlive = (name: string): boolean => isTaken(join(this.path, name, 'lock'));
    const living = others.filter(isAlive);
    const deadlineMs = this.#clock.now() + noticeTimeoutMs;
    for (;;) {
      const serving = living.find((name) => isAlive(name) && !this.#exists(name, 'ending'));
      if (serving === undefined) break;
      if (this.#clock.now() >= deadlineMs) throw this.#alreadyRuns(serving);
      await this.#clock.sleep(pollMs);
    }
    return {
      ending: living.map(Number),
      dead: others.filter((name) => !living.includes(name)).map((name) => join(this.path, name)),
    };
  }

  takeOver(): void {
    const temporary = join(this.path, `.control.${process.pid}`);
    rmSync(temporary, { force: true });
    symlinkSync(this.#target, temporary);
    renameSync(temporary, this.controlSocket);
    this.#removeAnnouncement();
  }

  beginEnd(): void {
    try {
      writeFileSync(join(this.runtimeDir, 'ending'), '');
    } catch {
      // A full disk, or somebody removed the directory: a daemon ends also when it cannot say so.
    }
  }

  async awaitSuccessor(): Promise<void> {
    const beganMs = this.#clock.now();
    while (this.#leadsHere()) {
      const timeoutMs = this.#isSomebodyComing() ? handoverTimeoutMs : signTimeoutMs;
      if (this.#clock.now() - beganMs >= timeoutMs) return;
      await this.#clock.sleep(pollMs);
    }
  }

  release(): void {
    if (this.#leadsHere()) rmSync(this.controlSocket, { force: true });
    this.#lock.release();
    rmSync(this.runtimeDir, { recursive: true, force: true });
    this.#removeAnnouncement();
    removeIfEmpty(this.path);
  }

  get #target(): string {
    return join(String(process.pid), 'control.sock');
  }

  #leadsHere(): boolean {
    try {
      return readlinkSync(this.controlSocket) === this.#target;
    } catch {
      // Removed by hand, or never put in place.
      return false;
    }
  }

  #isSomebodyComing(): boolean {
    const pid = this.#comingPid();
    return pid !== undefined && pid !== process.pid && processStart(pid) !== undefined;
  }

  #comingPid(): number | undefined {
    try {
      const pid = Number(readFileSync(join(this.path, 'coming'), 'latin1'));
      return Number.isInteger(pid) && pid > 0 ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  #removeAnnouncement(): void {
    if (this.#comingPid() === process.pid) rmSync(join(this.path, 'coming'), { force: true });
  }

  #exists(...names: readonly string[]): boolean {
    return statSync(join(this.path, ...names), { throwIfNoEntry: false }) !== undefined;
  }

  #alreadyRuns(pid: string): RunfcgidError {
    return new RunfcgidError('DAEMON_RUNNING', `this site already runs as process ${pid}`, {
      hint:
        `New workers without losing a request: fcgictl --socket ${this.controlSocket} restart. ` +
        `Stop it: kill ${pid}. If that is another site, give this one a name of its own: name=…`,
    });
  }
}

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // The log is in it, or another daemon.
  }
}

function refuseForeign(path: string): void {
  const { uid } = statSync(path);
  if (uid === process.geteuid?.()) return;
  throw new RunfcgidError(
    'DAEMON_FILE_FAILED',
    `the directory ${path} belongs to another user (uid ${uid})`,
    {
      hint: 'Give the site another one: runtime_dir=…',
    },
  );
}
