import type { Change } from './event.ts';
import { type FileIdentity, identifyNow } from './identity.ts';

/** How the trigger files and the watched tree were at one moment; compare it later with `differences`. */
export interface Fingerprint {
  /** By absolute path; `undefined`: there was no such file. */
  readonly files: ReadonlyMap<string, FileIdentity | undefined>;
  readonly tree: TreeRevision | undefined;
}

/** Counts the changes seen in a tree; comparable only within the same watch of it. */
export interface TreeRevision {
  readonly watch: object;
  readonly count: number;
  /** The kernel hinted at changes that were not looked at yet. */
  readonly isHinted: boolean;
}

export function fingerprintOf(files: readonly string[], tree: TreeRevision | undefined): Fingerprint {
  return { files: new Map(files.map((file) => [file, identifyNow(file)])), tree };
}

/**
 * The trigger files that became others since `earlier`. A file that vanished is none of them: it may be about
 * to be replaced. A file that `earlier` does not know is none either.
 */
export function differences(earlier: Fingerprint, now: Fingerprint): readonly Change[] {
  return [...now.files]
    .filter(([file, identity]) => {
      return identity !== undefined && earlier.files.has(file) && earlier.files.get(file) !== identity;
    })
    .map(([file]) => ({ cause: 'touch', file }));
}

/** True when the same watch has counted changes since `earlier`, or may be about to. */
export function hasTreeChanged({ tree: earlier }: Fingerprint, { tree: now }: Fingerprint): boolean {
  if (earlier === undefined || now === undefined || earlier.watch !== now.watch) return false;
  return earlier.count !== now.count || now.isHinted;
}
