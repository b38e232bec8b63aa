import { resolve } from 'node:path';
import type { RunfcgiWords } from '../config/runfcgi-words.ts';
import type { Clock } from '../host/clock.ts';
import { type LoadedPlan, loadPlan } from '../plan/load.ts';
import { systemSurroundings } from '../plan/surroundings.ts';
import { SiteDirectory } from '../runfcgi/site-directory.ts';
import { planSite, siteDirectory } from '../runfcgi/site-plan.ts';
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

/**
 * The words of `runfcgid runfcgi`, given in the present working directory.
 *
 * @throws RunfcgidError DAEMON_START_FAILED when the site's directory cannot be used.
 */
export function siteSource(
  words: RunfcgiWords,
  clock: Clock,
  inheritedNames: readonly string[],
): Required<PlanSource> {
  // As they are now: the daemon changes its working directory, and takes variables out of its environment.
  const surroundings = { ...systemSurroundings(inheritedNames), environment: { ...process.env } };
  const succession = new SiteDirectory(siteDirectory(words, surroundings), clock);
  const { runtimeDir, logFile } = succession;
  return {
    read: () => planSite({ words, surroundings, runtimeDir, logFile }),
    succession,
    outputFile: words.outlog && resolve(surroundings.workingDirectory, words.outlog),
  };
}

/** Tells a daemon of the site that is about to end that this process is starting another one. */
export function announceSite(words: RunfcgiWords): void {
  SiteDirectory.announce(siteDirectory(words, systemSurroundings()));
}
