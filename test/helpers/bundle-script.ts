import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../..', import.meta.url));
// Inside node_modules, where the packages left out of the bundle are found.
const cache = join(root, 'node_modules', '.cache');

export interface BundledScript {
  readonly path: string;
  remove(): void;
}

/** Makes a script that Node 20 runs of a TypeScript file, for tests that need another process. */
export async function bundleScript(source: string): Promise<BundledScript> {
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, 'bundle-'));
  const path = join(directory, `${basename(source, '.ts')}.mjs`);
  const bundle = await rolldown({
    input: resolve(root, source),
    platform: 'node',
    external: ['koffi', 'fastcgi-stream'],
    logLevel: 'silent',
  });
  await bundle.write({ file: path, format: 'esm', codeSplitting: false });
  await bundle.close();
  return { path, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
