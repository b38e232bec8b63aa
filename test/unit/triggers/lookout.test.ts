import { describe, expect, it } from 'vitest';
import type { Log, LogFields } from '../../../src/host/log.ts';
import type { Change } from '../../../src/triggers/event.ts';
import { Lookout } from '../../../src/triggers/lookout.ts';
import type { Source } from '../../../src/triggers/source.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

/** A source that is told what its next look finds. */
class ScriptedSource implements Source {
  readonly quietMs = 200;
  pollMs: number | undefined;
  looks = 0;
  closed = 0;
  error: Error | undefined;
  found: string[] = [];

  async look(): Promise<readonly Change[]> {
    this.looks += 1;
    if (this.error !== undefined) throw this.error;
    return this.found.splice(0).map((file) => ({ cause: 'touch', file }));
  }

  close(): void {
    this.closed += 1;
  }
}

interface Scene {
  readonly clock: FakeClock;
  readonly source: ScriptedSource;
  readonly lookout: Lookout;
  readonly fired: string[][];
  readonly firedAtMs: number[];
  readonly warnings: LogFields[];
  write(file: string): Promise<void>;
}

async function scene(pollMs?: number): Promise<Scene> {
  const clock = new FakeClock();
  const source = new ScriptedSource();
  source.pollMs = pollMs;
  const fired: string[][] = [];
  const firedAtMs: number[] = [];
  const warnings: LogFields[] = [];
  const ignore = (): void => {};
  const log: Log = {
    debug: ignore,
    info: ignore,
    warn: (fields) => warnings.push(fields),
    error: ignore,
    output: ignore,
    child: () => log,
  };
  const lookout = new Lookout({
    maxWaitMs: 3000,
    clock,
    log,
    onSettled: (changes) => {
      fired.push(changes.map(({ file }) => file));
      firedAtMs.push(clock.now());
    },
  });
  await lookout.start([source]);
  const write = async (file: string): Promise<void> => {
    source.found.push(file);
    lookout.hint(source);
    await clock.advance(0);
  };
  return { clock, source, lookout, fired, firedAtMs, warnings, write };
}

describe('looking for changes', () => {
  it('fires once it was quiet, and sleeps before and after', async () => {
    const { clock, write, fired, firedAtMs } = await scene();
    expect(clock.pending).toBe(0);
    await write('a');
    await clock.advance(1000);
    expect(fired).toEqual([['a']]);
    expect(firedAtMs).toEqual([200]);
    expect(clock.pending).toBe(0);
  });

  it('makes one event of 500 files', async () => {
    const { clock, write, fired } = await scene();
    for (let file = 0; file < 500; file += 1) {
      await write(`f${file}`);
      await clock.advance(5);
    }
    await clock.advance(1000);
    expect(fired.map((files) => files.length)).toEqual([500]);
  });

  it('fires under a writer who never stops, again and again', async () => {
    const { clock, write, firedAtMs } = await scene();
    for (let round = 0; round < 100; round += 1) {
      await write('a');
      await clock.advance(100);
    }
    expect(firedAtMs[0]).toBe(3000);
    expect(firedAtMs.length).toBe(3);
  });

  it('does not fire for hints about nothing', async () => {
    const { clock, source, lookout, fired } = await scene();
    lookout.hint(source);
    await clock.advance(1000);
    expect(fired).toEqual([]);
    expect(lookout.isSettling).toBe(false);
  });

  it('waits again when the last look found something new', async () => {
    const { clock, source, write, firedAtMs, fired } = await scene();
    await write('a');
    await clock.advance(100);
    source.found.push('unheard-of');
    await clock.advance(1000);
    expect(fired).toEqual([['a', 'unheard-of']]);
    expect(firedAtMs).toEqual([400]);
  });

  it('follows the first hint at once, and the stream of further ones with one look', async () => {
    const { clock, source, lookout } = await scene();
    lookout.hint(source);
    await clock.advance(0);
    expect(source.looks).toBe(2);
    for (let hint = 0; hint < 50; hint += 1) lookout.hint(source);
    await clock.advance(1000);
    expect(source.looks).toBe(3);
  });

  it('finds by polling what nobody hinted at', async () => {
    const { clock, source, firedAtMs, lookout } = await scene(1000);
    await clock.advance(2500);
    source.found.push('a');
    await clock.advance(2000);
    expect(firedAtMs).toEqual([3200]);
    await lookout.close();
    expect(clock.pending).toBe(0);
  });

  it('goes on after a look that failed', async () => {
    const { clock, source, write, fired, warnings } = await scene();
    source.error = new Error('stale file handle');
    await write('a');
    await clock.advance(100);
    source.error = undefined;
    await clock.advance(1000);
    expect(fired).toEqual([['a']]);
    expect(warnings).toEqual([{ event: 'trigger.failed', reason: 'stale file handle' }]);
  });

  it('tells nothing and leaves nothing after it was closed', async () => {
    const { clock, source, lookout, write, fired } = await scene(1000);
    await write('a');
    await lookout.close();
    await write('b');
    await clock.advance(10_000);
    expect(fired).toEqual([]);
    expect(clock.pending).toBe(0);
    expect(source.closed).toBeGreaterThan(0);
  });
});
