import { resolve } from 'node:path';
import type { RunfcgiWords } from '../config/runfcgi-words.ts';
import type { Clock } from '../host/clock.ts';
import { systemSurroundings } from '../plan/surroundings.ts';
import { SiteDirectory } from '../runfcgi/site-directory.ts';
import { planSite, siteDirectory } from '../runfcgi/site-plan.ts';
import type { PlanSource } from './plan-source.ts';

/**
 * The words of `runfcgid runfcgi`, given in the present working directory.
 *
 * @throws RunfcgidError DAEMON_FILE_FAILED when the site's directory cannot be used.
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
