import { readlinkSync, statfsSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute } from 'node:path';
import { RunfcgidError } from '../errors.ts';
import { isStranger, type Refusal, refuseLink } from './file-trust.ts';
import { HeldFile } from './held-file.ts';
import { readHeldLink } from './kernel/links.ts';

/** Where a path leads, with the links on the way followed as far as they may be. */
export interface Destination {
  /** Holds the last name. */
  readonly directory: HeldFile;
  readonly name: string;
  /** `undefined`: nothing has the name. */
  readonly file: HeldFile | undefined;
  /** The system's error where nothing has the name. */
  readonly absence: unknown;
  /** An open descriptor of a process, as /dev/stdout is, that no link of a stranger has led to. */
  readonly isDescriptor: boolean;
}

/** The kernel follows at most 40 links (path_resolution(7)). */
const mostLinks = 40;

/** On a way, with those in its links, which could have tens of thousands: each takes us as long as the kernel a hundred. */
const mostNames = 1_000;

/** Of procfs, linux/magic.h. */
const procfsType = 0x9fa0;

/**
 * Walks an absolute path name by name, each held before the next is looked up, so that nobody can exchange what was
 * looked at; the links of strangers are followed as file-trust.ts has it. Everything is let go of after `use`.
 *
 * @throws FileRefused for a link that is not followed, or the system's error.
 */
export function atDestination<Result>(path: string, use: (destination: Destination) => Result): Result {
  const walk = new Walk(path);
  try {
    return use(walk.toItsEnd());
  } catch (error) {
    throw walk.named(error);
  } finally {
    walk.close();
  }
}

/**
 * For what is made and removed at a path: `use` gets another name of it, whose directory nobody can exchange.
 *
 * @throws as `atDestination` does.
 */
export function inDirectoryOf<Result>(path: string, use: (heldPath: string) => Result): Result {
  return atDestination(dirname(path), ({ file, absence }) => {
    if (file === undefined) throw absence;
    return use(`${file.path}/${basename(path)}`);
  });
}

/** What file-trust.ts refuses. Whoever catches it names the file and the setting. */
export class FileRefused extends RunfcgidError {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super('DAEMON_FILE_FAILED', refusal.message, { hint: refusal.hint });
    this.refusal = refusal;
  }
}

/** @throws FileRefused */
export function throwRefusal(refusal: Refusal | undefined): void {
  if (refusal !== undefined) throw new FileRefused(refusal);
}

/** A name, or the end of a stranger's link, where it shows whether that link could be followed. */
type Step = string | { readonly path: string; readonly uid: number };

class Walk {
  readonly #path: string;
  readonly #ownUid = process.geteuid?.() ?? 0;
  readonly #steps: Step[];
  #directory: HeldFile;
  #name = '.';
  #file: HeldFile | undefined;
  #absence: unknown;
  #links = 0;
  #names = 0;
  #isDescriptor = false;
  #isLedByStranger = false;

  constructor(path: string) {
    this.#path = path;
    this.#steps = namesIn(path);
    mountOnTheWay(path);
    this.#directory = new HeldFile('/');
    this.#file = this.#directory;
  }

  toItsEnd(): Destination {
    for (let step = this.#steps.shift(); step !== undefined; step = this.#steps.shift()) {
      if (typeof step === 'string') this.#descend(step);
      else throwRefusal(refuseLink(step, this.#file?.stats, this.#ownUid));
    }
    return {
      directory: this.#directory,
      name: this.#name,
      file: this.#file,
      absence: this.#absence,
      isDescriptor: this.#isDescriptor,
    };
  }

  /** A system's error with the path that people know, instead of those by which the held ones are reached. */
  named(error: unknown): unknown {
    if (!(error instanceof Error && 'syscall' in error)) return error;
    const message = error.message.replaceAll(
      `'${this.#directory.path}/${this.#name}'`,
      () => `'${this.#path}'`,
    );
    const held = this.#file === undefined ? undefined : new RegExp(`(?<=')${this.#file.path}(?=[/'])`, 'g');
    error.message = held === undefined ? message : message.replaceAll(held, () => this.#path);
    return error;
  }

  close(): void {
    this.#hold(undefined);
    this.#directory.close();
  }

  #descend(name: string): void {
    if (this.#file === undefined) throw this.#absence;
    this.#names += 1;
    if (this.#names > mostNames) throw tooManyLinks(this.#path);
    if (this.#file !== this.#directory) this.#directory.close();
    this.#directory = this.#file;
    this.#name = name;
    this.#isDescriptor = false;
    this.#file = this.#look(name);
    if (this.#file?.stats.isSymbolicLink()) this.#follow(this.#file);
  }

  #look(name: string, last: 'link' | 'target' = 'link'): HeldFile | undefined {
    try {
      return new HeldFile(`${this.#directory.path}/${name}`, last);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error) || error.code !== 'ENOENT') throw error;
      this.#absence = error;
      return undefined;
    }
  }

  #follow(link: HeldFile): void {
    // Links of procfs lead to what a process has open, which their text does not (proc_pid_fd(5)).
    if (isProcfs(this.#directory)) {
      this.#hold(this.#look(this.#name, 'target'));
      this.#isDescriptor = !this.#isLedByStranger;
      return;
    }
    this.#links += 1;
    if (this.#links > mostLinks) throw tooManyLinks(this.#path);
    const { uid } = link.stats;
    if (isStranger(uid, this.#ownUid)) {
      this.#isLedByStranger = true;
      this.#steps.unshift({ path: readlinkSync(link.path), uid });
    }
    const target = readHeldLink(link.descriptor);
    this.#steps.unshift(...namesIn(target));
    this.#hold(isAbsolute(target) ? new HeldFile('/') : this.#directory);
  }

  #hold(file: HeldFile | undefined): void {
    if (this.#file !== this.#directory) this.#file?.close();
    this.#file = file;
  }
}

function namesIn(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

/** Holding a name does not mount what autofs(5) would mount there; looking at it does. */
function mountOnTheWay(path: string): void {
  try {
    statSync(path);
  } catch {
    // Told by the walk.
  }
}

function isProcfs(directory: HeldFile): boolean {
  return statfsSync(directory.path).type === procfsType;
}

function tooManyLinks(path: string): NodeJS.ErrnoException {
  const error = new Error(`ELOOP: too many symbolic links encountered, open '${path}'`);
  return Object.assign(error, { code: 'ELOOP', path });
}
