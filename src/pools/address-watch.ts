import { accessSync, constants } from 'node:fs';
import { describeError } from '../errors.ts';
import type { Clock, Timer } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import { PathWatches, type PathWatchesOptions } from '../triggers/path-watches.ts';
import { mergedPoints, type Waypoint, wayTo } from '../triggers/waypoints.ts';

export interface AddressWatchOptions {
  /** One of the addresses may lead elsewhere, or nowhere: to be looked at now. Often it is a false alarm. */
  readonly onHint: () => void;
  readonly clock: Clock;
  readonly log: Log;
  /** Node's `fs.watch`, unless a test brings its own. */
  readonly watch?: PathWatchesOptions['watch'];
}

/** Where the kernel does not tell: a cleaner of temporary files comes seldom. */
const lookIntervalMs = 10_000;
/** A way that goes on changing is not followed for ever; its changes have left hints. */
const mostWalks = 5;

/**
 * Hears when something happens to the paths of published Unix sockets, without waking the daemon otherwise: each
 * socket's file is watched itself (an unlink or a rename over it changes its link count, which inotify(7) tells as
 * IN_ATTRIB), and so is every directory on the way, for the next name alone. Whatever is heard, the ways are walked
 * again: a directory that was removed and made anew is another one.
 *
 *     const watch = new AddressWatch({ onHint: () => guardAddresses(), clock, log });
 *     watch.follow(['/run/runfcgid/site.sock']);   // all published paths, whenever they may have changed
 *     watch.close();
 */
export class AddressWatch {
  readonly #options: AddressWatchOptions;
  readonly #watches: PathWatches;
  #paths: readonly string[] = [];
  #walking: Promise<void> | undefined;
  #isStale = false;
  #isExhausted = false;
  #isClosed = false;
  #timer: Timer | undefined;

  constructor(options: AddressWatchOptions) {
    this.#options = options;
    this.#watches = new PathWatches({
      onHint: () => this.#hear(),
      onExhausted: (code) => this.#exhaust(code),
      ...(options.watch === undefined ? {} : { watch: options.watch }),
    });
  }

  /** The published paths, absolute; sockets without a path are left out by the caller. Cheap when nothing is new. */
  follow(paths: readonly string[]): void {
    if (paths.join('\n') === this.#paths.join('\n')) return;
    this.#paths = paths;
    this.#walkAgain();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#watches.close();
  }

  #hear(): void {
    if (this.#isClosed) return;
    this.#options.onHint();
    this.#walkAgain();
  }

  #walkAgain(): void {
    this.#isStale = true;
    this.#walking ??= this.#walk().finally(() => {
      this.#walking = undefined;
    });
  }

  async #walk(): Promise<void> {
    try {
      while (this.#isStale && !this.#isClosed) {
        this.#isStale = false;
        const points = await this.#watchWays();
        if (this.#isClosed) return;
        this.#watches.retain(new Set(points.map(({ path }) => path)));
        this.#lookLater(this.#isExhausted || !points.every(isReadable));
        // What changed before the watches were there went unheard.
        this.#options.onHint();
      }
    } catch (error) {
      this.#options.log.error(
        { event: 'address.unwatched', cause: describeError(error) },
        `the addresses cannot be watched: looking every ${lookIntervalMs / 1_000} s`,
      );
      this.#lookLater(true);
    }
  }

  /** What changes while the watches are set up goes unheard, so the ways are walked until two walks agree. */
  async #watchWays(): Promise<readonly Waypoint[]> {
    let walked = '';
    let points: readonly Waypoint[] = [];
    for (let walk = 0; walk < mostWalks; walk += 1) {
      points = mergedPoints(await Promise.all(this.#paths.map(wayTo)));
      const walkedNow = points.map(({ inode, path }) => `${inode} ${path}`).join('\n');
      if (walkedNow === walked || this.#isClosed) break;
      walked = walkedNow;
      for (const point of points) this.#watches.renew(point);
    }
    return points;
  }

  #exhaust(code: string): void {
    this.#isExhausted = true;
    const limit = code === 'EMFILE' ? 'fs.inotify.max_user_instances' : 'fs.inotify.max_user_watches';
    this.#options.log.warn(
      { event: 'address.unwatched', reason: code },
      `no inotify watches left for the addresses: looking every ${lookIntervalMs / 1_000} s; raise ${limit}`,
    );
  }

  #lookLater(isNeeded: boolean): void {
    this.#timer?.cancel();
    const { clock } = this.#options;
    this.#timer = isNeeded ? clock.at(clock.now() + lookIntervalMs, () => this.#hear()) : undefined;
  }
}

/** inotify_add_watch(2) needs the right to read; PathWatches leaves out in silence what it cannot watch. */
function isReadable({ path }: Waypoint): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
