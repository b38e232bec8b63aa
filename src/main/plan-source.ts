import { type LoadedPlan, loadPlan } from '../plan/load.ts';
import type { Succession } from '../runfcgi/succession.ts';

/** Where a daemon's plan comes from, and what else is known from there. */
export interface PlanSource {
  /**
   * Reads the plan as it is now.
   *
   * @throws RunfcgidError CONFIG_…
   */
  read(): Promise<LoadedPlan>;
  /** Absent: daemons with this plan do not take over from each other. */
  readonly succession?: Succession;
  /** For what the workers write to standard output; absent: the log. */
  readonly outputFile?: string | undefined;
}

/** A file, the usual one unless it is named. */
export function configSource(configFile: string | undefined, inheritedNames: readonly string[]): PlanSource {
  // A daemon in the background changes its working directory.
  let file = configFile;
  return {
    read: async () => {
      const loaded = await loadPlan({ configFile: file, inheritedNames });
      [file] = loaded.plan.daemon.configFiles;
      return loaded;
    },
  };
}
