import type { Change } from './event.ts';

/** Something that can be looked at for changes. It also calls a hint function when it is worth a look. */
export interface Source {
  /** How long it must be quiet before a change counts as complete, in milliseconds. */
  readonly quietMs: number;
  /** Look this often without a hint, in milliseconds; `undefined`: never. It may differ after each look. */
  readonly pollMs: number | undefined;
  /** What changed since the last look; nothing at the first one. */
  look(): Promise<readonly Change[]>;
  close(): void;
}
