import type { SettingsTable } from './setting.ts';
import { duration, path } from './setting-types.ts';

/* Settings of a pool about requests that take long. */

export const requestSettings = {
  slow_request: {
    type: duration,
    unset: 'none',
    meaning:
      'When a request has taken so long, its worker shows where all its threads are, in `slow_log`, and goes on. Only for `django` and `wsgi`.',
  },
  slow_log: {
    type: path,
    unset: "the daemon's log",
    meaning:
      'File for what `slow_request` finds, opened for each entry: it may be rotated at any time. Relative to this file.',
  },
  request_timeout: {
    type: duration,
    unset: 'none',
    meaning:
      'When a request has taken so long, it is ended, and its worker replaced; see [requests that take too long](#requests-that-take-too-long). Only for `django` and `wsgi`.',
  },
} as const satisfies SettingsTable;
