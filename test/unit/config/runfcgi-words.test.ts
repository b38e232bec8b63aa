import { describe, expect, it } from 'vitest';
import { runfcgiWords } from '../../../src/config/runfcgi-word-table.ts';
import {
  isDaemonized,
  isHelpWanted,
  type RunfcgiWords,
  readRunfcgiWords,
} from '../../../src/config/runfcgi-words.ts';
import { RunfcgidError } from '../../../src/errors.ts';

/** What was given, without what was not. */
function given(...words: string[]): Partial<RunfcgiWords> {
  const values = Object.entries(readRunfcgiWords(words)).filter(([, value]) => value !== undefined);
  return Object.fromEntries(values);
}

function complaint(...words: string[]): string {
  try {
    readRunfcgiWords(words);
  } catch (error) {
    if (error instanceof RunfcgidError && error.code === 'USAGE' && error.exitCode === 64)
      return error.message;
    throw error;
  }
  throw new Error('nothing was wrong');
}

describe('the words of runfcgi', () => {
  it.each([
    ['method=threaded host=127.0.0.1 port=3033', { method: 'threaded', host: '127.0.0.1', port: 3033 }],
    [
      'method=prefork socket=/home/user/mysite.sock pidfile=django.pid',
      { method: 'prefork', socket: '/home/user/mysite.sock', pidfile: 'django.pid' },
    ],
    ['daemonize=false socket=/tmp/mysite.sock', { daemonize: false, socket: '/tmp/mysite.sock' }],
    ['method=fork', { method: 'prefork' }],
    ['method=thread', { method: 'threaded' }],
    ['METHOD=Thread', { method: 'threaded' }],
    ['--settings=mysite.settings listen-mode=0666', { settings: 'mysite.settings', listen_mode: '0666' }],
    [
      'maxrequests=100 maxspare=3 minspare=1 maxchildren=9',
      { maxrequests: 100, maxspare: 3, minspare: 1, maxchildren: 9 },
    ],
    ['socket=a.sock daemonize', { socket: 'a.sock', daemonize: true }],
    ['daemonize=no', { daemonize: false }],
    ['debug=false', { debug: false }],
    ['umask=022', { umask: '022' }],
    ['protocol=fcgi', { protocol: 'fcgi' }],
    ['workdir=/ outlog=o.log errlog=e.log', { workdir: '/', outlog: 'o.log', errlog: 'e.log' }],
    ['touch_reload=a=b', { touch_reload: 'a=b' }],
  ])('are understood: %s', (words, values) => {
    expect(given(...words.split(' '))).toEqual(values);
  });

  it.each([
    ['metod=prefork', 'there is no word "metod"; did you mean "method"?'],
    ['bogus=1', 'there is no word "bogus"'],
    ['maxrequests', 'maxrequests needs a value: maxrequests=…'],
    ['pidfile=', 'pidfile="": expected a value after "="'],
    ['port=abc', 'port="abc": expected a whole number from 1 to 65535'],
    ['port=99999', 'port="99999": expected a whole number from 1 to 65535'],
    ['minspare=0', 'minspare="0": expected a whole number from 1 to 1000000'],
    ['method=preforked', 'method="preforked": expected prefork or threaded; did you mean "prefork"?'],
    ['method=gevent', 'method="gevent": expected prefork or threaded'],
    ['daemonize=maybe', 'daemonize="maybe": expected true or false'],
    ['umask=089', 'umask="089": expected permission bits in octal such as "0660"'],
    [
      'graceful_timeout=soon',
      'graceful_timeout="soon": expected a duration such as "500ms", "30s", "5m" or "2h"',
    ],
    [
      'protocol=scgi',
      'protocol="scgi": expected fcgi: scgi and ajp were spoken by flup, runfcgid speaks FastCGI alone',
    ],
    ['socket=a host=::1 port=1', 'socket= is a Unix socket, host= and port= are a TCP one: give one of them'],
    ['socket=a port=1', 'socket= is a Unix socket, host= and port= are a TCP one: give one of them'],
    ['host=127.0.0.1', 'host= and port= go together; port= is missing'],
    ['port=3033', 'host= and port= go together; host= is missing'],
    ['socket=a minspare=6', 'minspare=6 is more than maxspare=5'],
    ['socket=a maxspare=1 minspare=2', 'minspare=2 is more than maxspare=1'],
    ['socket=a threads=3', 'threads= has a meaning only with method=threaded'],
    [
      'daemonize=true',
      'daemonize=true needs socket=, or host= and port=: fd 0 belongs to whoever started the command',
    ],
    ['method=fork method=fork', 'method is given twice'],
  ])('are refused: %s', (words, message) => {
    expect(complaint(...words.split(' '))).toBe(message);
  });

  it('are refused with everything that is wrong', () => {
    expect(complaint('sokcet=a', 'port=x', 'minspare').split('\n')).toHaveLength(3);
  });

  it('are not mixed up with what every object has', () => {
    expect(complaint('constructor=1', 'method=constructor')).toContain('there is no word "constructor"');
  });

  it.each([
    ['socket=a', true],
    ['host=127.0.0.1 port=1', true],
    ['', false],
    ['socket=a daemonize=false', false],
    ['daemonize=no', false],
  ])('lead to the background as in Django: "%s"', (words, expected) => {
    expect(isDaemonized(readRunfcgiWords(words.split(' ').filter((word) => word !== '')))).toBe(expected);
  });

  it.each(['help', '--help', '-h', 'HELP'])('ask for help with %s', (word) => {
    expect(isHelpWanted(['method=prefork', word])).toBe(true);
  });

  it('have a meaning each', () => {
    expect(Object.entries(runfcgiWords).filter(([, { meaning }]) => meaning.length < 5)).toEqual([]);
  });
});
