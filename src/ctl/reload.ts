import type { ControlClient } from '../control/client.ts';
import { exitStatus, RunfcgidError } from '../errors.ts';
import type { PoolOutcome, PoolSelection, Reconfiguration } from '../pools/commands.ts';
import { askDaemon, findDaemon } from './control-socket.ts';
import { reportOutcomes } from './outcomes.ts';
import { type CtlRequest, defaultWorkTimeoutMs } from './request.ts';

/** `workers` of the pools; their `config`uration; `abort` takes a reload back. */
export type WhatToReload = 'workers' | 'config' | 'abort';

/** `fcgictl reload [POOL…]`, `--config` and `--abort`. */
export async function reload(
  names: readonly string[],
  what: WhatToReload,
  request: CtlRequest,
): Promise<number> {
  if (what === 'config' && names.length > 0) {
    throw new RunfcgidError('USAGE', `"reload --config" takes no pools, and not "${names[0]}"`, {
      hint: 'It applies whatever has changed. Which configuration the daemon has goes before the command: "fcgictl --config FILE reload --config".',
    });
  }
  const client = await findDaemon(request, request.timeoutMs ?? defaultWorkTimeoutMs);
  return askDaemon(client, () => carryOut(what, client, names.length === 0 ? 'all' : names, request));
}

async function carryOut(
  what: WhatToReload,
  client: ControlClient,
  pools: PoolSelection,
  request: CtlRequest,
): Promise<number> {
  const onProgress = request.terminal.progress.bind(request.terminal);
  switch (what) {
    case 'workers':
      return reportReloads(await client.run('reload', pools, onProgress), request);
    case 'config':
      return reportChanges(await client.reconfigure(onProgress), request);
    case 'abort':
      return reportTakenBack(await client.takeBack(pools), pools === 'all', request);
  }
}

/** Of all pools those are meant that are to run. */
function reportReloads(outcomes: readonly PoolOutcome[], request: CtlRequest): number {
  if (outcomes.length === 0 && !request.isJson) {
    request.terminal.print('no pool runs: there is nothing to reload');
  }
  return reportOutcomes(outcomes, request);
}

function reportChanges({ outcomes, notes }: Reconfiguration, request: CtlRequest): number {
  const { isJson, terminal } = request;
  if (!isJson) {
    for (const note of notes) terminal.print(note);
    if (outcomes.length === 0 && notes.length === 0) terminal.print('nothing has changed');
  }
  const status = reportOutcomes(outcomes, request, { notes });
  const isConfiguration = outcomes.some(({ isMisconfigured }) => isMisconfigured === true);
  return isConfiguration ? exitStatus.configuration : status;
}

/** Of all pools, those that had nothing to take back are not what was meant. */
function reportTakenBack(outcomes: readonly PoolOutcome[], areAll: boolean, request: CtlRequest): number {
  const done = outcomes.filter(({ isDone }) => isDone);
  if (!areAll || done.length > 0) return reportOutcomes(areAll ? done : outcomes, request);
  if (request.isJson) request.terminal.print(JSON.stringify({ outcomes }));
  else request.terminal.complain('there is no reload to take back: no candidate, and nothing that drains');
  return exitStatus.failure;
}
