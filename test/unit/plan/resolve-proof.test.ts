import { describe, expect, it } from 'vitest';
import { describeProof } from '../../../src/plan/proof.ts';
import { loadText, onlyPool, problemsOf } from '../../helpers/surroundings.ts';

const base = '[pools.a]\nlisten = "/run/a.sock"\nuser = "www-data"\n';
const command = `${base}command = ["/bin/x"]\n`;
const perl = `${base}command = ["perl", "x.pl"]\n`;
const php = `${base}command = ["php-cgi"]\n`;
const django = `${base}django = { settings = "mysite.settings" }\n`;
const wsgi = `${base}wsgi = { application = "api:application" }\n`;

const anythingBelow500 = [{ from: 200, to: 499 }];
const request = {
  level: 'request',
  timeoutMs: 10_000,
  path: '/health/',
  host: 'localhost',
  headers: {},
  params: {},
  statuses: anythingBelow500,
};

describe('the proof of a pool', () => {
  it.each([
    ['of any program is to accept', command, { level: 'accept' }],
    ['of a Django project is to be loaded', django, { level: 'loaded' }],
    ['of a WSGI application is to be loaded', wsgi, { level: 'loaded' }],
    ['may be named by its level alone', `${django}proof = "values"`, { level: 'values', timeoutMs: 10_000 }],
    ['may ask less of the engine', `${django}proof = "accept"`, { level: 'accept' }],
    ['with a path is a request', `${command}proof = { path = "/health/" }`, request],
    [
      'never takes longer than the boot timeout by default',
      `${command}boot_timeout = "3s"\nproof = { path = "/health/" }`,
      { ...request, timeoutMs: 3_000 },
    ],
    [
      'takes one status',
      `${command}proof = { path = "/health/", status = 204 }`,
      { ...request, statuses: [{ from: 204, to: 204 }] },
    ],
    [
      'takes statuses and classes of them',
      `${command}proof = { path = "/health/", status = ["2xx", 301] }`,
      {
        ...request,
        statuses: [
          { from: 200, to: 299 },
          { from: 301, to: 301 },
        ],
      },
    ],
    [
      'has everything that is set',
      `${php}proof = { level = "request", path = "/a?b=c", host = "example.com", timeout = "2s", headers = { X-A = "1" }, params = { SCRIPT_FILENAME = "/srv/i.php" } }`,
      {
        ...request,
        timeoutMs: 2_000,
        path: '/a?b=c',
        host: 'example.com',
        headers: { 'X-A': '1' },
        params: { SCRIPT_FILENAME: '/srv/i.php' },
      },
    ],
  ])('%s', async (_, toml, expected) => {
    expect((await onlyPool(toml)).proof).toEqual(expected);
  });

  it.each([
    ['"loaded" of a foreign program', 'proof = "loaded"', '"loaded" is the word of the Python engine'],
    ['a request without a path', 'proof = "request"', 'the level "request" needs a path'],
    ['an unknown level', 'proof = "http"', 'expected one of "accept", "loaded", "values", "request"'],
    ['a path without its slash', 'proof = { path = "health" }', 'expected a path that begins with "/"'],
    ['a path with a space', 'proof = { path = "/a b" }', 'percent-encoded'],
    ['a status that is none', 'proof = { path = "/", status = 99 }', 'expected a status such as 200'],
    ['a class that is none', 'proof = { path = "/", status = "9xx" }', 'expected a status such as 200'],
    ['a header that is none', 'proof = { path = "/", headers = { "X A" = "1" } }', 'the name of a header'],
    ['a value of two lines', 'proof = { path = "/", headers = { A = "1\\n2" } }', 'a text of one line'],
    ['a host for "values"', 'proof = { level = "values", host = "a" }', 'only with level = "request"'],
    ['a timeout for "accept"', 'proof = { timeout = "1s" }', 'has no meaning with level = "accept"'],
    ['a timeout of an hour', 'proof = { path = "/", timeout = "1h" }', 'is longer than boot_timeout'],
    ['a misspelt setting', 'proof = { pth = "/" }', 'did you mean "path"?'],
    ['a number', 'proof = 3', 'expected a table such as { level = … }, found 3'],
  ])('refuses %s', async (_, line, message) => {
    expect(await problemsOf(`${command}${line}\n`)).toEqual(
      expect.arrayContaining([expect.stringContaining(message)]),
    );
  });

  it.each([
    ['values of libfcgi, which never answers', `${perl}proof = "values"`, 'never answers FCGI_GET_VALUES'],
    ['a request to php-cgi without a script', `${php}proof = { path = "/" }`, 'without SCRIPT_FILENAME'],
  ])('warns of %s', async (_, toml, message) => {
    expect((await loadText(toml)).warnings).toEqual([expect.stringContaining(message)]);
  });

  it('is named with its path', async () => {
    expect(describeProof((await onlyPool(`${command}proof = { path = "/x" }`)).proof)).toBe('request /x');
    expect(describeProof((await onlyPool(command)).proof)).toBe('accept');
  });
});
