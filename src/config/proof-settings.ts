import { requestHeaders, requestParams, requestPath, statuses } from './proof-types.ts';
import type { SettingsTable, Values } from './setting.ts';
import { oneOf, positiveDuration, text } from './setting-types.ts';

/* The table `proof` of a pool: what a worker must show before it counts as ready. */

export const proofSettings = {
  level: {
    type: oneOf(['accept', 'loaded', 'values', 'request']),
    unset: '`request` with a `path`; else `loaded` for `django` and `wsgi`, `accept` for `command`',
    meaning: 'What a worker must show; see [proof](#proof).',
  },
  path: {
    type: requestPath,
    unset: 'required by `level = "request"`',
    meaning: 'What is asked for, with the query.',
  },
  host: {
    type: text,
    unset: '`localhost`',
    meaning: 'The name of the site, as in the `Host` of a browser; Django compares it with `ALLOWED_HOSTS`.',
  },
  status: {
    type: statuses,
    unset: 'anything below 500',
    meaning: 'The statuses that prove a worker: `200`, `"2xx"`, or a list such as `["2xx", 301]`.',
  },
  timeout: {
    type: positiveDuration,
    unset: '`10s`, or `boot_timeout` where that is shorter',
    meaning: 'How long the answer may take once the worker has accepted. `boot_timeout` holds all the same.',
  },
  headers: {
    type: requestHeaders,
    unset: 'none',
    meaning: 'Further header lines: `{ X-Forwarded-Proto = "https" }`.',
  },
  params: {
    type: requestParams,
    unset: 'none',
    meaning: 'FastCGI parameters, which win over all others. php-cgi needs `SCRIPT_FILENAME`.',
  },
} as const satisfies SettingsTable;

export type ProofSettings = Values<typeof proofSettings>;
