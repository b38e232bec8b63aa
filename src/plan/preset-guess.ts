import { basename } from 'node:path';
import type { PresetName } from './presets.ts';

/** What kind of program a command most likely starts. */
export function guessPreset(command: readonly string[]): PresetName {
  const words = basename(command[0] ?? '') === 'env' ? command.slice(1) : command;
  const [program = '', ...rest] = words;
  const name = basename(program);
  if (isEngine(rest)) return rest.some((word) => word.startsWith('application=')) ? 'wsgi' : 'django';
  if (isRunfcgi(words)) return 'django-legacy';
  if (/^php[\d.]*-cgi[\d.]*$/.test(name)) return 'php-cgi';
  if (/^perl[\d.]*$/.test(name) || name.endsWith('.pl')) return 'perl';
  return 'generic';
}

/** `python -m runfcgi …`: our own engine, started by hand. */
function isEngine(words: readonly string[]): boolean {
  return words.some((word, index) => word === '-m' && words[index + 1] === 'runfcgi');
}

/** `manage.py runfcgi …` or `django-admin runfcgi …`. */
function isRunfcgi(words: readonly string[]): boolean {
  const command = words.indexOf('runfcgi');
  return (
    command > 0 && words.slice(0, command).some((word) => /^(?:.*\.py|django-admin)$/.test(basename(word)))
  );
}
