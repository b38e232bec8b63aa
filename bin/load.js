import { existsSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

/** Runs a built program, or says what is missing. Plain JavaScript that older versions of Node understand. */
export async function load(name) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const built = new URL(`../dist/${name}.js`, import.meta.url);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`${name} needs Node.js 20.19 or later; this is ${process.versions.node}.`);
  } else if (!existsSync(built)) {
    fail(`${name} is not built yet: run "npm ci && npm run build" in its folder.`);
  } else {
    // The young generation of the heap stays as small as it begins: growing, it would take 1.6 MB for a daemon that
    // sleeps most of the time.
    setFlagsFromString('--semi-space-growth-factor=1');
    await import(built);
  }
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  // EX_UNAVAILABLE of sysexits(3).
  process.exitCode = 69;
}
