import { isAbsolute, join, resolve } from 'node:path';
import type { DjangoSettings, WsgiSettings } from '../config/engine-settings.ts';
import type { PoolSettings } from '../config/settings.ts';
import type { EnginePlan, MemoryLimit } from './plan.ts';
import type { Surroundings } from './surroundings.ts';

type Argv = readonly [string, ...string[]];
type EngineSettings = Pick<
  DjangoSettings,
  'method' | 'threads' | 'python' | 'preload' | 'max_requests' | 'debug'
>;

const virtualEnvironments = ['.venv', 'venv', 'env'];
const defaultThreads = 8;

export interface EngineContext {
  readonly directory: string;
  /** The workers run as the user that the daemon runs as. */
  readonly isOwnUser: boolean;
  readonly surroundings: Surroundings;
  /** Of which the engine takes care too, between requests. */
  readonly memory: MemoryLimit | undefined;
  /** 0: none. The daemon sees to it, the engine has to know it. */
  readonly requestTimeoutMs: number;
}

/** How the workers of a pool are served by the bundled engine; `undefined` for any other program. */
export function enginePlan({ django, wsgi }: PoolSettings): EnginePlan | undefined {
  const engine = django ?? wsgi;
  return engine && { threads: threadsOf(engine), isPreloaded: engine.preload };
}

/** The command line of the bundled engine for a Django project. */
export function djangoCommand(django: DjangoSettings, context: EngineContext): Argv {
  const project = resolve(context.directory, django.project ?? '.');
  return engineCommand([`project=${project}`, `settings=${django.settings ?? ''}`], django, context);
}

/** The command line of the bundled engine for a WSGI callable. */
export function wsgiCommand(wsgi: WsgiSettings, context: EngineContext): Argv {
  const words = [`application=${wsgi.application ?? ''}`, `directory=${context.directory}`];
  return engineCommand(words, wsgi, context);
}

/** What the engine needs in its environment to be found. */
export function engineEnvironment(
  configured: Readonly<Record<string, string>>,
  engineDirectory: string,
): Readonly<Record<string, string>> {
  const path = configured['PYTHONPATH'];
  return {
    PYTHONUNBUFFERED: '1',
    ...configured,
    PYTHONPATH: path === undefined || path === '' ? engineDirectory : `${engineDirectory}:${path}`,
  };
}

function threadsOf({ method, threads = defaultThreads }: EngineSettings): number {
  return method === 'threaded' ? threads : 1;
}

function engineCommand(target: readonly string[], engine: EngineSettings, context: EngineContext): Argv {
  const words = [
    `method=${engine.method}`,
    ...(engine.method === 'threaded' ? [`threads=${threadsOf(engine)}`] : []),
    ...(engine.max_requests > 0 ? [`maxrequests=${engine.max_requests}`] : []),
    ...memoryWords(context.memory),
    ...(context.requestTimeoutMs > 0 ? [`request_timeout=${context.requestTimeoutMs / 1_000}`] : []),
    ...(engine.debug ? ['debug=true'] : []),
  ];
  return [interpreter(engine, context), '-m', 'runfcgi', ...target, ...words];
}

function memoryWords(memory: MemoryLimit | undefined): readonly string[] {
  return memory === undefined ? [] : [`max_memory=${memory.maxBytes}`, `memory_measure=${memory.measure}`];
}

/** Never resolves links: an interpreter knows its virtual environment by the path it was started with. */
function interpreter({ python }: EngineSettings, context: EngineContext): string {
  const { directory, surroundings } = context;
  if (python !== undefined) {
    return python.includes('/') && !isAbsolute(python) ? resolve(directory, python) : python;
  }
  const beside = virtualEnvironments.map((name) => join(directory, name, 'bin', 'python'));
  const found = [...beside, ...activeEnvironment(context)].find((path) => surroundings.isExecutable(path));
  return found ?? 'python3';
}

/** The virtual environment that a developer's shell has active; a system daemon must not depend on a shell. */
function activeEnvironment({ isOwnUser, surroundings }: EngineContext): readonly string[] {
  const active = surroundings.environment['VIRTUAL_ENV'];
  if (!active || !isOwnUser || surroundings.uid === 0) return [];
  return [join(active, 'bin', 'python')];
}
