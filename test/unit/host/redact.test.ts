import { expect, test } from 'vitest';
import { redact } from '../../../src/host/redact.ts';

test.each(
  [
    ['password', 'DB_PASSWORD', 'SECRET_KEY', 'apiKey', 'api_key', 'AUTH_TOKEN', 'Authorization', 'Cookie'],
  ].flat(),
)('hides a field named %s', (name) => {
  expect(redact({ [name]: 'precious', user: 'anna' })).toEqual({ [name]: '[hidden]', user: 'anna' });
});

test('hides secrets inside tables and lists', () => {
  const fields = { environment: { SECRET_KEY: 'x', LANG: 'C' }, list: [{ token: 'y' }] };
  expect(redact(fields)).toEqual({
    environment: { SECRET_KEY: '[hidden]', LANG: 'C' },
    list: [{ token: '[hidden]' }],
  });
});

test('hides the password of a URL and keeps the rest', () => {
  expect(redact({ DATABASE_URL: 'postgres://anna:geheim@db:5432/site?x=1' })).toEqual({
    DATABASE_URL: 'postgres://anna:[hidden]@db:5432/site?x=1',
  });
});

test('leaves an absent secret visible as absent', () => {
  expect(redact({ password: null })).toEqual({ password: null });
});

test('shows an error with its message, code, stack and cause', () => {
  const error = Object.assign(new Error('outer', { cause: new Error('inner') }), { code: 'EIO' });
  expect(redact({ error })).toMatchObject({
    error: { message: 'outer', code: 'EIO', stack: expect.any(String), cause: { message: 'inner' } },
  });
});

test('ends on a value that contains itself', () => {
  const loop: Record<string, unknown> = {};
  loop['self'] = loop;
  expect(JSON.stringify(redact(loop))).toContain('[too deep]');
});
