import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { controlSignals, type SignalSource, watchSignals } from '../../../src/host/signals.ts';

function listen(): { source: EventEmitter; heard: string[]; end: () => void } {
  const source = new EventEmitter();
  const heard: string[] = [];
  const end = watchSignals((intent, signal) => heard.push(`${signal} ${intent}`), source as SignalSource);
  return { source, heard, end };
}

test.each([
  ['SIGTERM', 'stop'],
  ['SIGINT', 'stop'],
  ['SIGQUIT', 'stop-now'],
  ['SIGHUP', 'reload'],
  ['SIGUSR1', 'reopen-logs'],
])('%s means %s', (signal, intent) => {
  const { source, heard } = listen();
  source.emit(signal);
  expect(heard).toEqual([`${signal} ${intent}`]);
});

test('a second request to stop means at once, whichever signal came first', () => {
  const { source, heard } = listen();
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM', 'SIGTERM']) source.emit(signal);
  expect(heard).toEqual(['SIGINT stop', 'SIGHUP reload', 'SIGTERM stop-now', 'SIGTERM stop-now']);
});

test('nothing is heard after the end', () => {
  const { source, heard, end } = listen();
  end();
  for (const signal of controlSignals) source.emit(signal);
  expect(heard).toEqual([]);
  expect(source.eventNames()).toEqual([]);
});
