import { RunfcgidError } from '../errors.ts';
import { loadPlan } from '../plan/load.ts';
import { describeProof } from '../plan/proof.ts';
import { checkPlan } from './check-plan.ts';
import type { CheckFinding } from './finding.ts';
import type { CheckReaders } from './readers.ts';

export interface CheckReport {
  /** The files that were looked at. */
  readonly configFiles: readonly string[];
  /** Names of the pools that could be started. */
  readonly pools: readonly string[];
  /** How the workers of each prove themselves: `accept`, `request /health/`. */
  readonly proofs: Readonly<Record<string, string>>;
  readonly findings: readonly CheckFinding[];
}

/**
 * Everything that `fcgictl check` tells: problems of the files, doubts about them, and the dry run.
 *
 * @throws RunfcgidError CONFIG_NOT_FOUND, CONFIG_UNREADABLE
 */
export async function checkConfiguration(
  configFile: string | undefined,
  readers: CheckReaders,
): Promise<CheckReport> {
  try {
    const { plan, warnings } = await loadPlan({ configFile, hasWarningLines: true });
    return {
      configFiles: plan.daemon.configFiles,
      pools: plan.pools.map(({ name }) => name),
      proofs: Object.fromEntries(plan.pools.map(({ name, proof }) => [name, describeProof(proof)])),
      findings: [
        ...warnings.map((message) => whole('warning', message)),
        ...(await checkPlan(plan, readers)),
      ],
    };
  } catch (error) {
    if (!(error instanceof RunfcgidError) || error.code !== 'CONFIG_INVALID') throw error;
    const findings = error.message.split('\n').map((message) => whole('problem', message));
    return { configFiles: [], pools: [], proofs: {}, findings };
  }
}

function whole(severity: CheckFinding['severity'], message: string): CheckFinding {
  return { severity, pool: undefined, key: '', message };
}
