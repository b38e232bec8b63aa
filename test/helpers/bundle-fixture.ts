import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url));
// Inside node_modules, where the packages left out of the bundle are found.
const cache = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url));

export interface BundledFixture {
  readonly script: string;
  remove(): void;
}

/** Makes a script that Node 20 runs of a TypeScript fixture, for tests that need another process. */
export async function bundleFixture(name: string): Promise<BundledFixture> {
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, 'fixture-'));
  const script = join(directory, `${basename(name, '.ts')}.mjs`);
  const bundle = await rolldown({
    input: join(fixtures, name),
    platform: 'node',
    external: ['koffi', 'fastcgi-stream'],
    logLevel: 'silent',
  });
  await bundle.write({ file: script, format: 'esm', codeSplitting: false });
  await bundle.close();
  return { script, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
