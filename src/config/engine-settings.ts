import type { SettingsTable, Values } from './setting.ts';
import { count, flag, oneOf, path, program, pythonCallable, pythonModule } from './setting-types.ts';

/* The tables `django` and `wsgi` of a pool: what the bundled Python engine serves, and how. */

const engineSettings = {
  method: {
    type: oneOf(['prefork', 'threaded']),
    default: 'prefork',
    meaning: '`prefork`: a worker serves one request at a time. `threaded`: several, in threads.',
  },
  threads: {
    type: count(1, 1024),
    unset: '8 with `method = "threaded"`',
    meaning: 'Threads of each worker; only with `method = "threaded"`.',
  },
  python: {
    type: program,
    unset:
      '`.venv`, `venv` or `env` in `directory`; else `$VIRTUAL_ENV` of a daemon that is not root; else `python3`',
    meaning: 'The Python interpreter, 3.8 or later. With a slash it is relative to `directory`.',
  },
  preload: {
    type: flag,
    default: true,
    meaning:
      'Load the application once and fork the workers from there: they start in milliseconds and share memory. `false`: each worker loads it itself.',
  },
  max_requests: {
    type: count(0, 1_000_000_000),
    default: 0,
    meaning:
      'Requests after which a worker is replaced by a new one, up to a tenth earlier by chance; 0: never.',
  },
  debug: {
    type: flag,
    default: false,
    meaning: 'Show the traceback in the page of an error that the application did not catch.',
  },
} as const satisfies SettingsTable;

export const djangoSettings = {
  settings: {
    type: pythonModule,
    isRequired: true,
    meaning: 'The settings module, as in `DJANGO_SETTINGS_MODULE`.',
  },
  project: {
    type: path,
    unset: '`directory`',
    meaning:
      'The directory that Python imports the project from, where `manage.py` is. Relative to `directory`.',
  },
  ...engineSettings,
} as const satisfies SettingsTable;

export const wsgiSettings = {
  application: {
    type: pythonCallable,
    isRequired: true,
    meaning: 'The WSGI callable as `module:name`, imported from `directory`.',
  },
  ...engineSettings,
} as const satisfies SettingsTable;

export type DjangoSettings = Values<typeof djangoSettings>;
export type WsgiSettings = Values<typeof wsgiSettings>;
