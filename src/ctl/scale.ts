import { askDaemon, findDaemon } from './control-socket.ts';
import { reportOutcomes } from './outcomes.ts';
import { type CtlRequest, defaultWorkTimeoutMs } from './request.ts';

/** `fcgictl scale POOL WORKERS`: resolves when there are so many, and those that go have finished what they had. */
export async function scale(pool: string, workers: number, request: CtlRequest): Promise<number> {
  const client = await findDaemon(request, request.timeoutMs ?? defaultWorkTimeoutMs);
  const onProgress = request.terminal.progress.bind(request.terminal);
  return reportOutcomes(await askDaemon(client, () => client.scale(pool, workers, onProgress)), request);
}
