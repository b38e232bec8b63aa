import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { parseMessage, readChannel } from '../../../src/workers/engine-channel.ts';
import type { EngineMessage } from '../../../src/workers/launcher.ts';
import { longestMessage } from '../../../src/workers/message-lines.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

const parse = (text: string) => parseMessage({ text, cutBytes: 0 });

describe('a message', () => {
  test('"ready" is taken, with fields that a newer engine may add', () => {
    expect(parse('{"event":"ready","pid":7}')).toEqual({ kind: 'message', message: { event: 'ready' } });
  });

  test('"load-failed" carries message and traceback', () => {
    expect(parse('{"event":"load-failed","message":"m","traceback":"a\\nb"}')).toEqual({
      kind: 'message',
      message: { event: 'load-failed', message: 'm', traceback: 'a\nb' },
    });
  });

  test.each(['worn', 'retiring'])('"%s" carries the limit that was reached', (event) => {
    expect(parse(`{"event":"${event}","reason":"max_requests","detail":"500 requests"}`)).toEqual({
      kind: 'message',
      message: { event, reason: 'max_requests', detail: '500 requests' },
    });
    expect(parse(`{"event":"${event}","reason":"max_requests","requests":500}`)).toEqual({
      kind: 'message',
      message: { event, reason: 'max_requests', detail: '' },
    });
  });
});

describe('what is no message is explained and never thrown', () => {
  test.each([
    ['', 'is not JSON'],
    ['print() went to fd 3', 'is not JSON'],
    ['{"event":', 'is not JSON'],
    ['null', 'is not an object'],
    ['"ready"', 'is not an object'],
    ['[]', 'is not an object'],
    ['{}', 'the event undefined is not known'],
    ['{"event":"explode"}', 'the event "explode" is not known'],
    ['{"event":{"a":1}}', 'the event {"a":1} is not known'],
    ['{"event":"load-failed"}', 'lacks the texts'],
    ['{"event":"retiring"}', 'lacks the text "reason"'],
    ['{"event":"worn","reason":"max_memory","detail":7}', 'its "detail" is no text'],
    ['{"event":"load-failed","message":1,"traceback":"t"}', 'lacks the texts'],
    ['{"__proto__":{"event":"ready"}}', 'the event undefined is not known'],
  ])('%s', (text, problem) => {
    const parsed = parse(text);
    expect(parsed.kind).toBe('refused');
    expect(parsed).toHaveProperty('problem', expect.stringContaining(problem));
  });

  test('only its beginning is quoted, with control characters made visible', () => {
    const parsed = parse(`\u001B[31m${'x'.repeat(1_000)}`);
    expect(parsed.kind === 'refused' && parsed.problem.endsWith(`"\\u001b[31m${'x'.repeat(75)}…"`)).toBe(
      true,
    );
  });
});

describe('the channel', () => {
  const read = async (...chunks: readonly string[]) => {
    const messages: EngineMessage[] = [];
    const problems: string[] = [];
    await readChannel({
      stream: Readable.from(chunks.map((chunk) => Buffer.from(chunk))),
      clock: new FakeClock(),
      onMessage: (message) => messages.push(message),
      onProblem: (problem) => problems.push(problem),
    });
    return { messages, problems };
  };

  test('is read across chunks, and goes on after nonsense', async () => {
    const { messages, problems } = await read('{"event":"re', 'ady"}\nnonsense\n{"event"', ':"ready"}\n');
    expect(messages).toEqual([{ event: 'ready' }, { event: 'ready' }]);
    expect(problems).toHaveLength(1);
  });

  test('takes a message of the greatest length and refuses a longer one', async () => {
    const message = (length: number): string => {
      const frame = '{"event":"load-failed","message":"","traceback":""}';
      return frame.replace('"traceback":""', `"traceback":"${'x'.repeat(length - frame.length)}"`);
    };
    const { messages, problems } = await read(
      `${message(longestMessage)}\n`,
      `${message(longestMessage + 1)}\n`,
    );
    expect(messages).toHaveLength(1);
    expect(problems).toEqual([expect.stringContaining('longer than 65536 bytes')]);
  });
});
