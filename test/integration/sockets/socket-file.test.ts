import { chownSync, lstatSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bindSocket, closeDescriptor, openStreamSocket } from '../../../src/host/kernel/sockets.ts';
import { SocketFile } from '../../../src/sockets/socket-file.ts';
import { requireRoot, Workshop } from './support.ts';

let shop: Workshop;
let listener: number;
beforeEach(() => {
  shop = new Workshop();
  listener = openStreamSocket('unix', 'blocking');
});
afterEach(() => {
  closeDescriptor(listener);
  return shop.tearDown();
});

it('sets mode and owner of the socket', () => {
  requireRoot();
  bindSocket(listener, { kind: 'unix', path: shop.path('app.sock') });
  const file = new SocketFile(shop.path('app.sock'));
  file.setMode(0o640);
  file.setOwner({ uid: 33, gid: 34 });
  file.close();
  const { mode, uid, gid } = lstatSync(shop.path('app.sock'));
  expect([mode & 0o777, uid, gid]).toEqual([0o640, 33, 34]);
});

it('does not follow a symbolic link that was put in the place of the socket', () => {
  writeFileSync(shop.path('secret'), 'of root', { mode: 0o600 });
  symlinkSync(shop.path('secret'), shop.path('app.sock'));
  expect(() => new SocketFile(shop.path('app.sock'))).toThrow('somebody has replaced it');
  expect(statSync(shop.path('secret')).mode & 0o777).toBe(0o600);
});

it('takes no socket of another user for its own', () => {
  requireRoot();
  bindSocket(listener, { kind: 'unix', path: shop.path('app.sock') });
  chownSync(shop.path('app.sock'), 33, 33);
  expect(() => new SocketFile(shop.path('app.sock'))).toThrow('somebody has replaced it');
  const file = new SocketFile(shop.path('app.sock'), 33);
  file.setOwner({ uid: 0, gid: 0 });
  file.close();
  expect(lstatSync(shop.path('app.sock')).uid).toBe(0);
});
