import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { runfcgiWords } from '../../../src/config/runfcgi-word-table.ts';
import { createProgram } from '../../../src/ctl/program.ts';
import { controlSignals } from '../../../src/host/signals.ts';
import { parseCommandLine } from '../../../src/main/command-line.ts';

const program = createProgram(() => Promise.resolve());
const fcgictl = readPage('fcgictl.1');
const runfcgid = readPage('runfcgid.8');

/** The text of a page: without fonts, and with every escaped character as it is printed. */
function readPage(name: string): string {
  const page = readFileSync(new URL(`../../../docs/man/${name}`, import.meta.url), 'utf8');
  return page
    .replaceAll(/\\f[BIRP]/g, '')
    .replaceAll(/^\.(?:B|I|BR|RB|IR|RI) /gm, '')
    .replaceAll('\\-', '-')
    .replaceAll('\\|', '');
}

/** A word of its own: `-s` is not in `--static`. */
function mentions(page: string, word: string): boolean {
  return page.split(/[^\w.=-]+/).includes(word);
}

function flagsOf(command: Command): readonly string[] {
  return command.options.flatMap(({ short, long }) => [short, long]).filter((flag) => flag !== undefined);
}

describe('fcgictl(1)', () => {
  test.each(program.commands.map((command) => ({ name: command.name(), command })))(
    'describes $name with its options and arguments',
    ({ name, command }) => {
      expect(fcgictl).toMatch(new RegExp(`^\\.TP\\n${name} ?.*$`, 'm'));
      expect(flagsOf(command).filter((flag) => !mentions(fcgictl, flag))).toEqual([]);
      const places = command.registeredArguments.map((argument) => argument.name().toUpperCase());
      expect(places.filter((place) => !mentions(fcgictl, place.replace('...', '')))).toEqual([]);
    },
  );

  test('describes the options before a command, and knows no others', () => {
    const known = [
      '-h',
      '--help',
      '-V',
      '--version',
      ...flagsOf(program),
      ...program.commands.flatMap(flagsOf),
    ];
    expect(known.filter((flag) => !mentions(fcgictl, flag))).toEqual([]);
    const described = [...fcgictl.matchAll(/(?<![\w-])--[a-z-]+/g)].map(([flag]) => flag);
    // The one of curl, in the place of the control socket.
    expect(described.filter((flag) => !known.includes(flag) && flag !== '--unix-socket')).toEqual([]);
  });
});

describe('runfcgid(8)', () => {
  test('describes every option of --help, and knows no others', () => {
    const help = parseCommandLine(['--help']);
    const text = help.wants === 'text' ? help.text : '';
    const flags = [...text.matchAll(/(?<![\w-])--?[a-zA-Z][a-z-]*/g)].map(([flag]) => flag);
    expect(flags).toContain('--daemonize');
    expect(flags.filter((flag) => !mentions(runfcgid, flag))).toEqual([]);
    const described = [...runfcgid.matchAll(/(?<![\w-])--[a-z-]+/g)].map(([flag]) => flag);
    expect(described.filter((flag) => !flags.includes(flag))).toEqual([]);
  });

  test('describes every word of runfcgi, and knows no others', () => {
    const described = [...runfcgid.matchAll(/^\.TP\n([a-z_]+)=$/gm)].map(([, word]) => word);
    expect([...described].sort()).toEqual(Object.keys(runfcgiWords).sort());
  });

  test('describes every signal', () => {
    const names = controlSignals.map((signal) => signal.replace(/^SIG/, ''));
    expect(names.filter((name) => !mentions(runfcgid, name))).toEqual([]);
  });
});
