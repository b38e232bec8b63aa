import type { ProofSettings } from '../config/proof-settings.ts';
import type { PoolSettings } from '../config/settings.ts';
import type { PresetName } from './presets.ts';
import type { ProofLevel, ProofPlan, StatusRange } from './proof.ts';
import type { Report } from './report.ts';

const defaultTimeoutMs = 10_000;
/** What an application answers that is there and works, be it "no such page" or "who are you". */
const notBroken: readonly StatusRange[] = [{ from: 200, to: 499 }];
const onlyOfRequests = ['path', 'host', 'status', 'headers', 'params'] as const;

/** How the workers of a pool prove themselves; what is wrong goes to `report`. */
export function resolveProof(settings: PoolSettings, preset: PresetName, report: Report): ProofPlan {
  const proof = settings.proof;
  const isEngine = settings.command === undefined;
  const level = proof?.level ?? impliedLevel(proof, isEngine);
  checkLevel(level, { proof, preset, isEngine }, report);
  const timeoutMs = proof?.timeout ?? Math.min(defaultTimeoutMs, settings.boot_timeout);
  if (timeoutMs > settings.boot_timeout) {
    report.problem(['proof', 'timeout'], 'is longer than boot_timeout, within which a worker must be ready');
  }
  if (level === 'accept' || level === 'loaded') return { level };
  if (level === 'values') return { level, timeoutMs };
  return {
    level,
    timeoutMs,
    path: proof?.path ?? '/',
    host: proof?.host ?? 'localhost',
    headers: proof?.headers ?? {},
    params: proof?.params ?? {},
    statuses: proof?.status ?? notBroken,
  };
}

function impliedLevel(proof: ProofSettings | undefined, isEngine: boolean): ProofLevel {
  if (proof?.path !== undefined) return 'request';
  return isEngine ? 'loaded' : 'accept';
}

interface Choice {
  readonly proof: ProofSettings | undefined;
  readonly preset: PresetName;
  readonly isEngine: boolean;
}

function checkLevel(level: ProofLevel, { proof, preset, isEngine }: Choice, report: Report): void {
  if (level === 'loaded' && !isEngine) {
    report.problem(['proof'], '"loaded" is the word of the Python engine; this pool runs another program', {
      hint: 'Use "accept", "values" or a request: proof = { path = "/" }.',
    });
  }
  if (level === 'request' && proof?.path === undefined) {
    report.problem(['proof'], 'the level "request" needs a path', {
      hint: 'Write for example proof = { path = "/health/", host = "example.com" }.',
    });
  }
  if (level === 'values' && preset === 'perl') {
    report.warn(['proof'], "libfcgi, on which Perl's FCGI is built, never answers FCGI_GET_VALUES", {
      hint: 'Use "accept", or a request: proof = { path = "/" }.',
    });
  }
  if (level === 'request' && preset === 'php-cgi' && proof?.params?.['SCRIPT_FILENAME'] === undefined) {
    report.warn(['proof'], 'php-cgi finds no script without SCRIPT_FILENAME, and answers 404', {
      hint: 'Write proof = { path = "/", params = { SCRIPT_FILENAME = "/srv/www/index.php" } }.',
    });
  }
  if (level !== 'request') {
    for (const key of onlyOfRequests) {
      if (proof?.[key] !== undefined) {
        report.problem(['proof', key], 'has a meaning only with level = "request"');
      }
    }
  }
  if (proof?.timeout !== undefined && (level === 'accept' || level === 'loaded')) {
    report.problem(['proof', 'timeout'], `has no meaning with level = "${level}"; see boot_timeout`);
  }
}
