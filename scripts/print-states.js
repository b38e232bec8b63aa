#!/usr/bin/env node
// Prints the table of a worker's life as docs/architecture.md has it, made from src/workers/worker-state.ts.
import { rolldown } from 'rolldown';

const bundle = await rolldown({
  input: new URL('../test/helpers/worker-states-reference.ts', import.meta.url).pathname,
  platform: 'node',
});
const { output } = await bundle.generate({ format: 'esm' });
const { workerStatesReference } = await import(`data:text/javascript,${encodeURIComponent(output[0].code)}`);
console.log(workerStatesReference());
