import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../src/ctl/program.ts';
import { errorTable } from '../src/errors.ts';
import { controlSignals } from '../src/host/signals.ts';
import { workerStatesReference } from './helpers/worker-states-reference.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** The text below a heading, up to the next one of the same rank. */
function section(document: string, heading: string): string {
  const rank = /^#+/.exec(heading)?.[0] ?? '';
  const [, rest = ''] = document.split(`\n${heading}\n`);
  return rest.split(new RegExp(`\n${rank} `))[0] ?? '';
}

/** The first cell of each row of the tables in a text, without its quotes, and the whole row. */
function rows(text: string): readonly { readonly name: string; readonly row: string }[] {
  return [...text.matchAll(/^\| `(?<name>[^`]+)`.*$/gm)].map((match) => ({
    name: match.groups?.['name'] ?? '',
    row: match[0],
  }));
}

describe('docs/errors.md', () => {
  test('has every error with its exit status and meaning, and no other', () => {
    const expected = Object.entries(errorTable).map(
      ([code, { exitCode, meaning }]) => `| \`${code}\` | ${exitCode} | ${meaning} |`,
    );
    expect(rows(section(read('docs/errors.md'), '## The codes')).map(({ row }) => row)).toEqual(expected);
  });
});

describe('docs/architecture.md', () => {
  const document = read('docs/architecture.md');

  test('has the life of a worker as the code has it (scripts/print-states.js prints it)', () => {
    const between = document.split('<!-- worker states -->\n')[1]?.split('\n<!-- end -->')[0];
    expect(between).toBe(workerStatesReference());
  });

  test('has a row for every room of the house', () => {
    const named = rows(section(document, '## The house')).flatMap(({ row }) =>
      [...row.matchAll(/`([a-z-]+\/|[a-z-]+\.ts)`/g)].map((match) => match[1] ?? ''),
    );
    const rooms = readdirSync(join(root, 'src'), { withFileTypes: true })
      .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
      .filter((name) => !['types/', 'error-message.ts'].includes(name));
    expect(rooms.filter((room) => !named.includes(room))).toEqual([]);
  });

  test('names files that exist, and is short', () => {
    const table = section(document, '## The house');
    const files = [...table.matchAll(/`([a-z]+\/[a-z-]+\.ts)`/g)].map((match) => match[1] ?? '');
    expect(files.length).toBeGreaterThan(10);
    expect(files.filter((file) => !existsSync(join(root, 'src', file)))).toEqual([]);
    expect(document.split('\n').length).toBeLessThan(150);
  });
});

describe('docs/operations.md', () => {
  const document = read('docs/operations.md');

  test('has a section for every command, and none for another', () => {
    const described = [...document.matchAll(/^### `fcgictl (?<name>[a-z]+)/gm)].map(
      (match) => match.groups?.['name'],
    );
    const commands = createProgram(async () => {}).commands.map((command) => command.name());
    expect(described.sort()).toEqual(commands.sort());
  });

  test('has a row for every signal, and none for another', () => {
    const described = rows(section(document, '## Signals of the daemon')).map(({ name }) => `SIG${name}`);
    expect(described.sort()).toEqual([...controlSignals].sort());
  });
});

describe('every document', () => {
  const documents = [
    'README.md',
    'CHANGELOG.md',
    ...readdirSync(join(root, 'docs'), { recursive: true })
      .map((name) => join('docs', String(name)))
      .filter((name) => name.endsWith('.md')),
  ];

  test.each(documents)('%s links to files that exist', (path) => {
    const targets = [...read(path).matchAll(/\]\((?!https?:|#)(?<target>[^)#]+)/g)].map(
      (match) => match.groups?.['target'] ?? '',
    );
    expect(targets.filter((target) => !existsSync(join(root, dirname(path), target)))).toEqual([]);
  });
});
