import { formatBytes, formatElapsed, formatPercent, sumOfKnown } from './quantities.ts';
import type { PoolSnapshot, PoolState, StatusSnapshot } from './snapshot.ts';

export interface FormatOptions {
  readonly hasColours: boolean;
}

interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
  cell(pool: PoolSnapshot): string;
}

const columns: readonly Column[] = [
  { title: 'POOL', align: 'left', cell: (pool) => pool.name },
  { title: 'STATE', align: 'left', cell: (pool) => pool.state },
  { title: 'WORKERS', align: 'right', cell: (pool) => `${pool.workersReady}/${pool.workersWanted}` },
  { title: 'LISTEN', align: 'left', cell: (pool) => pool.listen.join(', ') || '-' },
  { title: 'UPTIME', align: 'right', cell: (pool) => known(longestUptime(pool), formatElapsed) },
  {
    title: 'MEMORY',
    align: 'right',
    cell: (pool) => known(sumOfKnown(pool.workers.map((worker) => worker.memoryBytes)), formatBytes),
  },
  {
    title: 'CPU',
    align: 'right',
    cell: (pool) => known(sumOfKnown(pool.workers.map((worker) => worker.cpuPercent)), formatPercent),
  },
  { title: 'QUEUE', align: 'right', cell: (pool) => known(pool.queued, String) },
  { title: 'RESTARTS', align: 'right', cell: (pool) => String(pool.restarts) },
];

/** SGR parameters (console_codes(4)). */
const stateColour: Readonly<Record<PoolState, number>> = {
  running: 32,
  starting: 33,
  degraded: 33,
  stopping: 33,
  failed: 31,
  stopped: 90,
};
const stateColumn = columns.findIndex(({ title }) => title === 'STATE');
const gap = '  ';

/** The status for people: the daemon, a table of its pools, and what is wrong with those that have a problem. */
export function formatStatus(snapshot: StatusSnapshot, options: FormatOptions): string {
  const { daemon, pools } = snapshot;
  const heading = [
    `runfcgid ${daemon.version}`,
    `pid ${daemon.pid}`,
    `up ${formatElapsed(daemon.uptimeMs)}`,
    formatBytes(daemon.memoryBytes),
    ...daemon.configFiles.slice(0, 1),
  ].join(gap);
  const table = pools.length === 0 ? ['No pools are configured.'] : formatTable(pools, options);
  const problems = pools.flatMap((pool) => [...formatProblem(pool), ...formatRefusedReload(pool)]);
  return `${[heading, '', ...table, ...problems].join('\n')}\n`;
}

function formatTable(pools: readonly PoolSnapshot[], { hasColours }: FormatOptions): readonly string[] {
  const rows = [
    columns.map(({ title }) => title),
    ...pools.map((pool) => columns.map(({ cell }) => printable(cell(pool)))),
  ];
  const widths = columns.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  return rows.map((row, rowIndex) => {
    const state = pools[rowIndex - 1]?.state;
    const cells = columns.map(({ align }, index) => {
      const cell = pad(row[index] ?? '', widths[index] ?? 0, align);
      const isColoured = hasColours && index === stateColumn && state !== undefined;
      return isColoured ? `\u001b[${stateColour[state]}m${cell}\u001b[0m` : cell;
    });
    return cells.join(gap).trimEnd();
  });
}

function formatProblem(pool: PoolSnapshot): readonly string[] {
  if (pool.state === 'running' || (pool.reason === null && pool.lastExit === null)) return [];
  const next =
    pool.nextAttemptInMs === null ? [] : [`  next attempt in ${formatElapsed(pool.nextAttemptInMs)}`];
  const output = pool.state === 'stopped' ? [] : quote(pool.lastExit?.output ?? []);
  const reason = pool.reason ?? pool.lastExit?.reason ?? '';
  return ['', ...indent(`${pool.name} is ${pool.state}: ${reason}`), ...next, ...output];
}

function formatRefusedReload(pool: PoolSnapshot): readonly string[] {
  if (pool.refusedReload === null) return [];
  const { at, reason, output } = pool.refusedReload;
  return ['', ...indent(`${pool.name} refused a reload at ${at}: ${reason}`), ...quote(output)];
}

/** A text of several lines, the second and later ones indented. */
function indent(text: string): readonly string[] {
  return text.split('\n').map((line, index) => (index === 0 ? '' : '  ') + printable(line));
}

function quote(output: readonly string[]): readonly string[] {
  return output.map((line) => `  | ${printable(line)}`);
}

/** Workers decide what they print, not what our terminal does. */
function printable(text: string): string {
  return text.replaceAll('\t', '    ').replaceAll(/\p{Cc}/gu, '\u{fffd}');
}

function pad(text: string, width: number, align: Column['align']): string {
  return align === 'left' ? text.padEnd(width) : text.padStart(width);
}

function known<Value>(value: Value | null, format: (value: Value) => string): string {
  return value === null ? '-' : format(value);
}

function longestUptime(pool: PoolSnapshot): number | null {
  const uptimes = pool.workers.map(({ uptimeMs }) => uptimeMs).filter((uptimeMs) => uptimeMs !== null);
  return uptimes.length === 0 ? null : Math.max(...uptimes);
}
