import { readdirSync, readFileSync } from 'node:fs';

/**
 * A plugin for rolldown: writes THIRD-PARTY.txt beside the bundles, with the licence of every package that is in
 * them, as its authors wrote it.
 */
export function thirdParty() {
  return {
    name: 'third-party',
    generateBundle(_options, bundle) {
      const modules = Object.values(bundle).flatMap((chunk) => Object.keys(chunk.modules ?? {}));
      const folders = new Set(modules.map(packageFolder).filter((folder) => folder !== undefined));
      const parts = [...folders].map(describePackage).sort();
      this.emitFile({ type: 'asset', fileName: 'THIRD-PARTY.txt', source: `${heading}${parts.join('')}` });
    },
  };
}

const heading = 'The programs in this folder contain the following packages.\n';

/** The innermost package that a module belongs to; undefined for our own sources. */
function packageFolder(module) {
  return /^\0?(?<folder>.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module)?.groups.folder;
}

function describePackage(folder) {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  const text =
    file === undefined
      ? `No licence file; package.json says ${license}.`
      : readFileSync(`${folder}/${file}`, 'utf8').trim();
  return `\n${'─'.repeat(80)}\n${name} ${version} (${license})\n\n${text}\n`;
}
