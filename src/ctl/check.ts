import { type CheckReport, checkConfiguration } from '../check/check-configuration.ts';
import type { CheckFinding } from '../check/finding.ts';
import { systemReaders } from '../check/system-readers.ts';
import { exitStatus } from '../errors.ts';
import type { CtlRequest } from './request.ts';

/** `fcgictl check [FILE]`: looks at everything and starts nothing; exit status 78 when there are problems. */
export async function check(file: string | undefined, request: CtlRequest): Promise<number> {
  const { terminal, isJson } = request;
  const report = await checkConfiguration(file ?? request.configFile, systemReaders);
  const problems = report.findings.filter(({ severity }) => severity === 'problem').length;
  if (isJson) {
    terminal.print(JSON.stringify(report));
  } else {
    for (const finding of report.findings) terminal.print(formatFinding(finding));
    terminal.print(summary(problems, report));
  }
  return problems === 0 ? exitStatus.ok : exitStatus.configuration;
}

function formatFinding({ severity, pool, key, message, file, hint }: CheckFinding): string {
  // Its message has file, line and key in itself.
  if (file !== undefined || (key === '' && hint === undefined)) return `${severity}: ${message}`;
  const place = [...(pool === undefined ? [] : ['pools', pool]), ...(key === '' ? [] : [key])].join('.');
  const heading = [severity, ...(place === '' ? [] : [place]), message].join(': ');
  return [heading, ...(hint === undefined ? [] : [`  ${hint}`])].join('\n');
}

function summary(problems: number, { pools, proofs }: CheckReport): string {
  if (problems > 0) return problems === 1 ? 'There is 1 problem.' : `There are ${problems} problems.`;
  const described = pools.map((name) => `${name} (proof: ${proofs[name]})`);
  return `No problems. Pools: ${described.join(', ') || 'none'}.`;
}
