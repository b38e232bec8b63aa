import { Agent } from 'node:http';
import { ask, type HttpAnswer } from './http-client.ts';

export interface ClosedLoop {
  readonly url: string;
  /** At least so many. */
  readonly requests: number;
  /** The load goes on until this says yes. */
  readonly mayEnd?: () => boolean;
  /** Each sends its next request when it has its answer. */
  readonly clients: number;
  /** What an answer is: `ok`, or the name of what is wrong with it. */
  readonly judge: (answer: HttpAnswer) => string;
}

/** Runs a load to its end; the answers, and the failures without one, counted by kind. */
export async function runClosedLoop(load: ClosedLoop): Promise<Readonly<Record<string, number>>> {
  const tally: Record<string, number> = {};
  const agent = new Agent({ keepAlive: true, maxSockets: load.clients });
  let begun = 0;
  const client = async (): Promise<void> => {
    while (begun < load.requests || load.mayEnd?.() === false) {
      begun += 1;
      const kind = await kindOfAnswer(load, agent);
      tally[kind] = (tally[kind] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: load.clients }, client));
  agent.destroy();
  return tally;
}

async function kindOfAnswer({ url, judge }: ClosedLoop, agent: Agent): Promise<string> {
  try {
    return judge(await ask(url, { agent }));
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}
