import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunfcgidError } from '../../../src/errors.ts';
import { systemClock } from '../../../src/host/clock.ts';
import { getValues } from '../../../src/probes/get-values.ts';
import { requestOnce } from '../../../src/probes/request-once.ts';
import { type FakeApplication, startFake } from '../../helpers/fastcgi-program.ts';
import { cutRandomly, endRequest, randomFrom, record } from '../../helpers/fastcgi-records.ts';

type Random = (below: number) => number;

/** What the application says to whoever connects next. */
let script: readonly Buffer[] = [];
let application: FakeApplication;
const strays: unknown[] = [];
const noteStray = (error: unknown): void => {
  strays.push(error);
};

beforeAll(async () => {
  process.on('uncaughtExceptionMonitor', noteStray);
  application = await startFake((socket) => {
    for (const piece of script) socket.write(piece);
    socket.end();
  });
});

afterAll(async () => {
  process.off('uncaughtExceptionMonitor', noteStray);
  await application.stop();
});

function goodAnswer(random: Random): Buffer {
  return Buffer.concat([
    record({ type: 6, content: 'Content-Type: text/plain\r\nX-Test: 1\r\n\r\n', padding: random(256) }),
    record({ type: 7, content: 'a warning' }),
    record({ type: 6, content: Buffer.alloc(random(70_000) % 65_536, 'x'), padding: random(8) }),
    record({ type: 10, id: 0, content: '\x04\x01FCGI1' }),
    record({ type: 6 }),
    endRequest(),
  ]);
}

function randomBytes(random: Random): Buffer {
  return Buffer.from(Array.from({ length: random(400) }, () => random(256)));
}

/** Records whose fields are each right most of the time. */
function randomRecords(random: Random): Buffer {
  const records = Array.from({ length: 1 + random(12) }, () =>
    record({
      version: random(20) === 0 ? random(256) : 1,
      type: random(10) === 0 ? random(256) : 1 + random(11),
      id: random(6) === 0 ? random(65_536) : random(2),
      content: random(3) === 0 ? randomBytes(random) : 'Status: 200\n\nbody',
      padding: random(256),
      ...(random(8) === 0 ? { claimedLength: random(65_536) } : {}),
    }),
  );
  return Buffer.concat(records);
}

function mutated(random: Random): Buffer {
  const bytes = Buffer.from(goodAnswer(random));
  for (let count = 1 + random(4); count > 0; count -= 1) {
    // Mostly where headers are; a byte within the body changes nothing.
    const place = random(3) === 0 ? random(bytes.length) : random(Math.min(bytes.length, 120));
    bytes.writeUInt8(random(256), place);
  }
  return random(2) === 0 ? bytes : bytes.subarray(0, random(bytes.length));
}

const shapes: [string, (random: Random) => Buffer][] = [
  ['random bytes', randomBytes],
  ['random records', randomRecords],
  ['a good answer with changed bytes', mutated],
];

describe('an application that sends nonsense', () => {
  it.each(shapes)('never does harm with %s', async (_what, make) => {
    const tally = { answered: 0, refused: 0 };
    for (let seed = 1; seed <= 300; seed += 1) {
      const random = randomFrom(seed);
      script = cutRandomly(make(random), random);
      const deadlineMs = systemClock.now() + 60_000;
      const isValues = seed % 4 === 0;
      const outcome = await (isValues
        ? getValues(application.address, { deadlineMs })
        : requestOnce(application.address, [], { deadlineMs })
      ).catch((error: unknown) => error);
      if (outcome instanceof Error) {
        // The connection ends, so the deadline is never what ends the request.
        expect(outcome, `seed ${seed}`).toBeInstanceOf(RunfcgidError);
        expect(outcome, `seed ${seed}`).toMatchObject({ code: 'FASTCGI_PROTOCOL' });
        tally.refused += 1;
      } else {
        tally.answered += 1;
      }
    }
    expect(strays).toEqual([]);
    expect(tally.refused).toBeGreaterThan(50);
  });

  it('is understood when it sends sense in any pieces', async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = randomFrom(seed);
      script = cutRandomly(goodAnswer(random), random);
      const answer = await requestOnce(application.address, [], { deadlineMs: systemClock.now() + 60_000 });
      expect(answer).toMatchObject({ stderr: 'a warning', end: { protocolStatus: 'complete' } });
    }
  });

  it('cannot keep the client busy for long with a flood of tiny records', async () => {
    const tiny = record({ type: 7, content: 'x' });
    script = [Buffer.alloc(tiny.length * 100_000, tiny), endRequest()];
    const before = process.cpuUsage();
    await expect(
      requestOnce(application.address, [], { deadlineMs: systemClock.now() + 60_000 }),
    ).rejects.toMatchObject({ code: 'FASTCGI_PROTOCOL' });
    // What it takes of a processor, however long others have that.
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000_000).toBeLessThan(5);
  });
});

describe('an application that never ends', () => {
  it.each([
    ['bytes of a header', record({ type: 6, content: `X: ${'a'.repeat(60_000)}` })],
    ['header lines', record({ type: 6, content: 'X: a\n'.repeat(1000) })],
    ['unknown records', record({ type: 77, content: 'a'.repeat(60_000) })],
  ])('is left after its limit of %s', async (_what, piece) => {
    const endless = await startFake((socket) => {
      const more = (): void => {
        while (socket.writable && socket.write(piece)) {
          // Until the socket's buffer is full.
        }
      };
      socket.on('drain', more);
      more();
    });
    try {
      await expect(
        requestOnce(endless.address, [], { deadlineMs: systemClock.now() + 60_000 }),
      ).rejects.toMatchObject({ code: 'FASTCGI_PROTOCOL' });
    } finally {
      await endless.stop();
    }
  });

  it('is held to the deadline, in little memory, when it complains without end', async () => {
    const piece = record({ type: 7, content: Buffer.alloc(60_000, 'e') });
    const endless = await startFake((socket) => {
      const more = (): void => {
        if (socket.writable) socket.write(piece, () => setImmediate(more));
      };
      more();
    });
    const before = process.memoryUsage().rss;
    try {
      await expect(
        requestOnce(endless.address, [], { deadlineMs: systemClock.now() + 1500 }),
      ).rejects.toMatchObject({ code: 'FASTCGI_TIMEOUT' });
      expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
    } finally {
      await endless.stop();
    }
  });
});
