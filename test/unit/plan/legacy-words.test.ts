import { describe, expect, it } from 'vitest';
import { loadText, onlyPool, problemsOf } from '../../helpers/surroundings.ts';

const legacy = (...words: string[]): string =>
  `[pools.a]\nuser = "ann"\nlisten = "/run/a.sock"\ncommand = ${JSON.stringify(['./manage.py', 'runfcgi', ...words])}\n`;

describe('a managed runfcgi command', () => {
  it.each([
    ['socket=/tmp/x.sock', 'would open a second socket'],
    ['host=127.0.0.1', 'would open a second socket'],
    ['PORT=3033', 'would open a second socket'],
    ['daemonize=true', 'would put the worker into the background'],
    ['daemonize', 'would put the worker into the background'],
    ['daemonize=', 'would put the worker into the background'],
    ['protocol=scgi', 'does not speak FastCGI'],
  ])('is refused with %s, and told why', async (word, reason) => {
    const problems = await problemsOf(legacy('method=prefork', word));
    expect(problems).toEqual([expect.stringContaining(`pools.a.command[3]: "${word}" ${reason}`)]);
  });

  it.each(['pidfile=django.pid', 'workdir=/srv', 'umask=000', 'outlog=/tmp/o', 'errlog=/tmp/e'])(
    'is warned of with %s',
    async (word) => {
      const { plan, warnings } = await loadText(legacy(word));
      expect(plan.refused).toEqual([]);
      expect(warnings).toEqual([expect.stringContaining(`pools.a.command[2]: "${word}"`)]);
    },
  );

  it('is fine with everything else', async () => {
    const words = [
      'method=prefork',
      'daemonize=false',
      'protocol=fcgi',
      'maxspare=1',
      'minspare=1',
      'maxchildren=1',
      'debug',
    ];
    const { plan, warnings } = await loadText(legacy(...words));
    expect(plan.refused).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it('is not looked for in other programs', async () => {
    const { plan } = await loadText(
      '[pools.a]\nuser = "ann"\nlisten = "/run/a.sock"\ncommand = ["./app", "socket=/x", "daemonize=true"]\n',
    );
    expect(plan.refused).toEqual([]);
  });
});

describe('flup', () => {
  it.each([
    [[], 'SIGKILL'],
    [['method=prefork'], 'SIGKILL'],
    [['METHOD=fork'], 'SIGKILL'],
    [['method=threaded'], 'SIGTERM'],
    [['method=thread', 'daemonize=false'], 'SIGTERM'],
  ])('is stopped with %j by %s', async (words, signal) => {
    const { lifecycle } = await onlyPool(legacy(...words));
    expect([lifecycle.stopSignal, lifecycle.orphans]).toEqual([signal, 'finish']);
  });

  it('is stopped as the configuration says, whatever it is', async () => {
    const { lifecycle } = await onlyPool(`${legacy('method=prefork')}stop_signal = "QUIT"\n`);
    expect(lifecycle.stopSignal).toBe('SIGQUIT');
  });
});
