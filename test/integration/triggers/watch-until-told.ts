// A process with nothing but triggers: prints what happens as JSON lines, and closes them when stdin ends.
import { systemClock } from '../../../src/host/clock.ts';
import type { Log } from '../../../src/host/log.ts';
import { Triggers } from '../../../src/triggers/triggers.ts';

const [directory = '', file = ''] = process.argv.slice(2);
const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const log: Log = { debug: print, info: print, warn: print, error: print, output: print, child: () => log };
const triggers = new Triggers({
  files: [file],
  watch: { directory, patterns: ['**/*.py'], ignore: [] },
  clock: systemClock,
  log,
  onFire: () => {},
});
await triggers.start();
print({ event: 'started', handles: process.getActiveResourcesInfo() });
process.stdin.on('end', () => void triggers.close());
process.stdin.resume();
