import { ConfigError } from '../config/config-error.ts';
import { formatKeyPath, type ToldProblem } from '../config/problem-text.ts';
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
 * @throws RunfcgidError CONFIG_NOT_FOUND; CONFIG_UNREADABLE when there is nothing to correct a line in.
 */
export async function checkConfiguration(
  configFile: string | undefined,
  readers: CheckReaders,
): Promise<CheckReport> {
  try {
    const { plan, warnings, told } = await loadPlan({ configFile, hasWarningLines: true });
    const findings = [
      ...warnings.map((message) => whole('warning', message)),
      ...(await checkPlan(plan, readers)),
    ];
    return {
      configFiles: plan.daemon.configFiles,
      pools: plan.pools.map(({ name }) => name),
      proofs: Object.fromEntries(plan.pools.map(({ name, proof }) => [name, describeProof(proof)])),
      findings: findings.map((finding) => placed(finding, told)),
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { problems } = error;
    if (error.code === 'CONFIG_UNREADABLE' && problems.every(({ line }) => line === undefined)) throw error;
    const findings = problems.map(({ text }) => placed(whole('problem', text), problems));
    return { configFiles: [], pools: [], proofs: {}, findings };
  }
}

function whole(severity: CheckFinding['severity'], message: string): CheckFinding {
  return { severity, pool: undefined, key: '', message };
}

/** What the files are told to be wrong in has its place there; what the machine lacks has none. */
function placed(finding: CheckFinding, told: readonly ToldProblem[]): CheckFinding {
  const problem = told.find(({ text }) => text === finding.message);
  if (problem === undefined) return finding;
  const { text, path, ...place } = problem;
  const isBelowPool = path[0] === 'pools' && path[1] === finding.pool;
  return { ...finding, key: formatKeyPath(isBelowPool ? path.slice(2) : path), message: text, ...place };
}
