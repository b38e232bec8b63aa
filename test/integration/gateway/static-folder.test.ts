import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../../../src/gateway/gateway.ts';
import type { RequestRecord } from '../../../src/gateway/request-record.ts';
import { ask, askRaw } from '../../helpers/http-client.ts';
import { until } from '../../helpers/until.ts';

let directory: string;
let gateway: Gateway;
const records: RequestRecord[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'static-folder-'));
  await mkdir(join(directory, 'static/css'), { recursive: true });
  await writeFile(join(directory, 'secret.txt'), 'secret');
  await writeFile(join(directory, 'static/css/site.css'), 'body { color: black }');
  await writeFile(join(directory, 'static/naïve #1?.txt'), 'named');
  await writeFile(join(directory, 'static/.hidden'), 'hidden');
  await writeFile(join(directory, 'static/empty.js'), '');
  await symlink('../secret.txt', join(directory, 'static/escape.txt'));
  await symlink('..', join(directory, 'static/up'));
  await symlink('css/site.css', join(directory, 'static/link.css'));
  await mkdir(join(directory, 'static-other'));
  await writeFile(join(directory, 'static-other/file.txt'), 'other');
  gateway = await startGateway({
    listen: { host: '127.0.0.1', port: 0 },
    target: () => ({ kind: 'unix', path: join(directory, 'nobody.sock') }),
    staticFolders: [
      { prefix: '/static/', directory: join(directory, 'static') },
      { prefix: '/static/other/', directory: join(directory, 'static-other') },
    ],
    onRequest: (record) => records.push(record),
  });
});

afterAll(async () => {
  await gateway.close();
  await rm(directory, { recursive: true });
});

function at(path: string): string {
  return `http://127.0.0.1:${gateway.port}${path}`;
}

describe('a static folder', () => {
  it('gives files with type, length and validators', async () => {
    const answer = await ask(at('/static/css/site.css'));
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toBe('body { color: black }');
    expect(answer.headers['content-type']).toMatch(/^text\/css/);
    expect(answer.headers['content-length']).toBe('21');
    expect(answer.headers['etag']).toBeDefined();
    expect(answer.headers['last-modified']).toBeDefined();
    await until(() =>
      records.some(({ uri, bodyBytes }) => uri === '/static/css/site.css' && bodyBytes === 21),
    );
  });

  it('answers 304 to either validator, and 206 to a range', async () => {
    const { headers } = await ask(at('/static/css/site.css'));
    const { etag = '', 'last-modified': modified = '' } = headers;
    const byTag = await ask(at('/static/css/site.css'), { headers: { 'If-None-Match': etag } });
    expect(byTag).toMatchObject({ status: 304, body: Buffer.alloc(0) });
    const byDate = await ask(at('/static/css/site.css'), { headers: { 'If-Modified-Since': modified } });
    expect(byDate.status).toBe(304);
    const part = await ask(at('/static/css/site.css'), { headers: { Range: 'bytes=0-3' } });
    expect(part).toMatchObject({ status: 206, body: Buffer.from('body') });
    const beyond = await ask(at('/static/css/site.css'), { headers: { Range: 'bytes=100-' } });
    expect(beyond.status).toBe(416);
  });

  it('answers HEAD without a body, and no other method', async () => {
    const head = await ask(at('/static/css/site.css'), { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, headers: { 'content-length': '21' }, body: Buffer.alloc(0) });
    expect((await ask(at('/static/css/site.css'), { method: 'POST' }, 'x')).status).toBe(405);
  });

  it('finds names with every kind of character, empty files, and links within the folder', async () => {
    const named = await ask(at('/static/na%C3%AFve%20%231%3F.txt'));
    expect(named.body.toString()).toBe('named');
    expect(await ask(at('/static/empty.js'))).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect((await ask(at('/static/link.css'))).status).toBe(200);
    expect((await ask(at('/static/other/file.txt'))).body.toString()).toBe('other');
  });

  it.each([
    ['a link that leads out', '/static/escape.txt'],
    ['a folder link that leads out', '/static/up/secret.txt'],
    ['a hidden file', '/static/.hidden'],
    ['a directory', '/static/css'],
    ['a directory with its slash', '/static/css/'],
    ['the folder itself', '/static/'],
    ['a missing file', '/static/missing.css'],
    ['a file with a slash', '/static/css/site.css/'],
    ['a backslash', '/static/..%5Csecret.txt'],
    ['a name that is no UTF-8', '/static/%ff%fe'],
    ['a very long name', `/static/${'a'.repeat(5000)}`],
  ])('hides %s', async (_what, path) => {
    const answer = await ask(at(path));
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).not.toContain('secret\n');
  });

  it.each([
    '/static/../secret.txt',
    '/static/%2e%2e/secret.txt',
    '/static/..%2fsecret.txt',
    '/static/css/../../secret.txt',
    '/static//../secret.txt',
    '/static/%2e%2e%2f%2e%2e%2fetc/passwd',
  ])('cannot be left by %s', async (path) => {
    const answer = await askRaw(gateway.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    // Outside the prefix the application is asked, and nobody is there.
    expect(answer).toMatch(/^HTTP\/1\.1 (400|502) /);
  });
});
