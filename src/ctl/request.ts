import type { Clock } from '../host/clock.ts';
import type { Terminal } from './terminal.ts';

/** What the options before the command say, and what a command needs of its surroundings. */
export interface CtlRequest {
  /** `--config`. */
  readonly configFile: string | undefined;
  /** `--socket`: no configuration is read. */
  readonly socketPath: string | undefined;
  readonly isJson: boolean;
  /** `--timeout`; each command has a default of its own. */
  readonly timeoutMs: number | undefined;
  readonly terminal: Terminal;
  readonly clock: Clock;
}

/** Long enough for a pool's boot timeout, or for its slowest requests to end, as people configure them. */
export const defaultWorkTimeoutMs = 300_000;
export const defaultStatusTimeoutMs = 10_000;
