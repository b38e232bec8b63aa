import { describeForkServer, describeGeneration, describeWarnings } from './generation-text.ts';
import { reasonOfProblems } from './misconfigured.ts';
import { formatPoolTable } from './pool-table.ts';
import { printable } from './printable.ts';
import { formatBytes, formatElapsed } from './quantities.ts';
import { describeCutRequests, describeTimeouts } from './request-text.ts';
import type { DaemonSnapshot, PoolSnapshot, PoolState, StatusSnapshot } from './snapshot.ts';
import type { TableOptions } from './table.ts';
import { formatWorkerTable } from './worker-table.ts';
import { wrapLines } from './wrap.ts';

export interface FormatOptions extends TableOptions {
  /** A table of the workers too. */
  readonly hasWorkers: boolean;
}

/**
 * The status for people: the daemon, a table of its pools, what is under way, and what is wrong with those that
 * have a problem.
 */
export function formatStatus({ daemon, pools }: StatusSnapshot, options: FormatOptions): string {
  const workers = options.hasWorkers ? formatWorkerTable(pools, options) : [];
  const sentences = [
    ...paragraph(
      pools.flatMap((pool) => [
        ...formatGenerations(pool),
        ...formatForkServer(pool, options),
        ...formatTrigger(pool, daemon),
        ...formatRecycling(pool, daemon),
        ...describeCutRequests(pool, (at) => elapsedSince(at, daemon)),
        ...describeTimeouts(pool, (at) => elapsedSince(at, daemon)),
      ]),
    ),
    ...pools.flatMap((pool) => [
      ...paragraph(formatProblem(pool)),
      ...paragraph(formatRefusedReload(pool, daemon)),
    ]),
  ];
  return `${[
    ...wrapLines([heading(daemon)], options.width),
    '',
    ...(pools.length === 0 ? ['No pools are configured.'] : formatPoolTable(pools, options)),
    ...(workers.length === 0 ? [] : ['', ...workers]),
    ...wrapLines(sentences, options.width),
  ].join('\n')}\n`;
}

function heading(daemon: DaemonSnapshot): string {
  return [
    `runfcgid ${daemon.version}`,
    `pid ${daemon.pid}`,
    `up ${formatElapsed(daemon.uptimeMs)}`,
    formatBytes(daemon.memoryBytes),
    ...daemon.configFiles.slice(0, 1),
  ].join('  ');
}

/** Those that rise or leave: the live one is in the table. */
function formatGenerations({ name, generations, proof }: PoolSnapshot): readonly string[] {
  return generations
    .filter(({ phase }) => phase !== 'live')
    .map((generation) => {
      const asked = generation.phase === 'proving' ? ` (proof: ${proof})` : '';
      return `${name}: ${describeGeneration(generation)}${asked}`;
    });
}

/** One that is there is told of beside the workers only; one that is missed, and what it warns of, always. */
function formatForkServer(
  { name, generations }: PoolSnapshot,
  { hasWorkers }: FormatOptions,
): readonly string[] {
  return generations
    .filter(({ phase }) => phase === 'live')
    .flatMap((generation) => [
      ...(hasWorkers || generation.forkServer?.isLost ? describeForkServer(generation) : []),
      ...describeWarnings(generation),
    ])
    .map((words) => `${name}: ${printable(words)}`);
}

function formatTrigger({ name, lastTrigger }: PoolSnapshot, daemon: DaemonSnapshot): readonly string[] {
  if (lastTrigger === null) return [];
  const { at, summary } = lastTrigger;
  return [`${name}: last trigger ${printable(summary)}, ${elapsedSince(at, daemon)} ago`];
}

function formatRecycling(
  { name, recycled, lastRecycling }: PoolSnapshot,
  daemon: DaemonSnapshot,
): readonly string[] {
  if (lastRecycling === null) return [];
  const { at, worker, reason, detail } = lastRecycling;
  const why = detail === '' ? reason : `${reason}, ${detail}`;
  const last = `the last (${worker}) ${elapsedSince(at, daemon)} ago: ${printable(why)}`;
  return [`${name}: ${recycled} ${recycled === 1 ? 'worker' : 'workers'} recycled, ${last}`];
}

function formatProblem(pool: PoolSnapshot): readonly string[] {
  if (hasNoProblem(pool.state) || (pool.reason === null && pool.lastExit === null)) return [];
  if (pool.reason === reasonOfProblems(pool.problems)) return formatMisconfigured(pool);
  const next =
    pool.nextAttemptInMs === null ? [] : [`  next attempt in ${formatElapsed(pool.nextAttemptInMs)}`];
  const reason = pool.reason ?? pool.lastExit?.reason ?? '';
  return [
    ...indent(`${pool.name} is ${pool.state}: ${reason}`),
    ...(pool.advice === null ? [] : [`  ${printable(pool.advice)}`]),
    ...next,
    ...(pool.advice === null ? quote(pool.lastExit?.output ?? []) : []),
  ];
}

/** A pool that cannot run as it is configured. */
function formatMisconfigured({ name, state, problems, advice }: PoolSnapshot): readonly string[] {
  return [
    `${name} is ${state}: its configuration has problems`,
    ...problems.map((problem) => `  ${printable(problem)}`),
    ...(advice === null ? [] : [`  ${printable(advice)}`]),
  ];
}

/** A pool that was asked to stop has no other reason; a worker that died before is none. */
function hasNoProblem(state: PoolState): boolean {
  return state === 'running' || state === 'stopping' || state === 'stopped';
}

function formatRefusedReload(
  { name, state, generation, refusedReload }: PoolSnapshot,
  daemon: DaemonSnapshot,
): readonly string[] {
  if (refusedReload === null) return [];
  const { at, reason, output } = refusedReload;
  const isServing = state === 'running' || state === 'degraded';
  return [
    ...indent(`${name}: reload refused ${elapsedSince(at, daemon)} ago (${at}): ${reason}`),
    ...(isServing ? [`  the workers from before (generation ${generation}) go on serving`] : []),
    ...quote(output),
  ];
}

/** Until the moment of the snapshot. */
function elapsedSince(at: string, { startedAt, uptimeMs }: DaemonSnapshot): string {
  return formatElapsed(Math.max(Date.parse(startedAt) + uptimeMs - Date.parse(at), 0));
}

/** With an empty line before it, if there is anything. */
function paragraph(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', ...lines];
}

/** A text of several lines, the second and later ones indented. */
function indent(text: string): readonly string[] {
  return text.split('\n').map((line, index) => (index === 0 ? '' : '  ') + printable(line));
}

function quote(output: readonly string[]): readonly string[] {
  return output.map((line) => `  | ${printable(line)}`);
}
