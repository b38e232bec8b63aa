/** What is true of a kind of program, whoever configures it. */
export interface Preset {
  readonly meaning: string;
  readonly stopSignal: NodeJS.Signals;
  /** Exit statuses that are no crash once the worker was ready. */
  readonly expectedExits: readonly number[];
  /** Environment the program needs under a supervisor; the pool's own settings win. */
  readonly environment: Readonly<Record<string, string>>;
  /** Mode of the listen socket the program can live with (legacy-runfcgi and php-cgi differ). */
  readonly isBlocking: boolean;
  /** How many workers a pool has when it does not say. */
  readonly workers: number;
  /** What its descendants do when the worker's own process has ended (LifecyclePlan). */
  readonly orphans: 'signal' | 'finish';
  /** Whether the program is known to finish, on its stop signal, what it has accepted (LifecyclePlan). */
  readonly retirement: 'signal' | 'freeze';
}

export const presets = {
  django: {
    meaning: 'a Django project served by the Python engine',
    stopSignal: 'SIGTERM',
    expectedExits: [0],
    environment: {},
    isBlocking: true,
    workers: 4,
    orphans: 'signal',
    retirement: 'signal',
  },
  wsgi: {
    meaning: 'a WSGI application served by the Python engine',
    stopSignal: 'SIGTERM',
    expectedExits: [0],
    environment: {},
    isBlocking: true,
    workers: 4,
    orphans: 'signal',
    retirement: 'signal',
  },
  'django-legacy': {
    meaning:
      "the runfcgi command of Django 1.8 and older, on flup; flup's threads need a non-blocking listener",
    stopSignal: 'SIGTERM',
    expectedExits: [],
    environment: {},
    isBlocking: false,
    workers: 1,
    orphans: 'finish',
    retirement: 'freeze',
  },
  'php-cgi': {
    meaning: 'PHP; it exits with 0 after PHP_FCGI_MAX_REQUESTS requests',
    stopSignal: 'SIGTERM',
    expectedExits: [0],
    environment: { PHP_FCGI_CHILDREN: '0' },
    isBlocking: true,
    workers: 4,
    orphans: 'signal',
    retirement: 'freeze',
  },
  perl: {
    meaning: 'Perl with the FCGI module',
    stopSignal: 'SIGTERM',
    expectedExits: [],
    environment: {},
    isBlocking: true,
    workers: 2,
    orphans: 'signal',
    retirement: 'freeze',
  },
  generic: {
    meaning: 'any other FastCGI program',
    stopSignal: 'SIGTERM',
    expectedExits: [],
    environment: {},
    isBlocking: true,
    workers: 1,
    orphans: 'signal',
    retirement: 'freeze',
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;
