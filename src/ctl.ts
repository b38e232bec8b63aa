import { CommanderError } from 'commander';
import { createProgram, usageHint } from './ctl/program.ts';
import { Terminal } from './ctl/terminal.ts';
import { explainMistake } from './ctl/usage-mistakes.ts';
import { exitStatus, RunfcgidError } from './errors.ts';
import { systemClock } from './host/clock.ts';

const terminal = new Terminal({
  output: process.stdout,
  errors: process.stderr,
  environment: process.env,
  clock: systemClock,
});

// Whoever reads our output may have had enough: `fcgictl status | head -1`.
process.stdout.on('error', () => {});

let isJson = false;
const program = createProgram(async (command, options) => {
  isJson = options.json === true;
  process.exitCode = await command({
    configFile: options.config,
    socketPath: options.socket,
    isJson,
    timeoutMs: options.timeout,
    terminal,
    clock: systemClock,
  });
});
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = await reportFailure(error);
}
terminal.finish();

/** Returns the exit status. */
async function reportFailure(error: unknown): Promise<number> {
  // Commander has printed its complaint, or the help that was asked for.
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitStatus.ok;
    if (process.argv.some((word) => word === '--json' || word === '-j')) {
      const message = explainMistake(error.message);
      terminal.print(JSON.stringify({ error: { code: 'USAGE', message, hint: usageHint } }));
    }
    return exitStatus.usage;
  }
  if (isJson) {
    const { toErrorMessage } = await import('./error-message.ts');
    terminal.print(JSON.stringify({ error: toErrorMessage(error) }));
  } else {
    const { formatError } = await import('./ctl/error-text.ts');
    terminal.complain(formatError(error, 'fcgictl'));
  }
  return error instanceof RunfcgidError ? error.exitCode : exitStatus.internal;
}
