import type { Readable } from 'node:stream';
import type { Clock } from '../host/clock.ts';
import type { EngineMessage } from './launcher.ts';
import type { OutputLine } from './lines.ts';
import { type Fields, type Parsed, parseLine, readMessages } from './message-lines.ts';

export interface ChannelReading {
  readonly stream: Readable;
  readonly clock: Clock;
  readonly onMessage: (message: EngineMessage) => void;
  /** The line was no message: a mistake of the engine, or somebody else writes to fd 3. */
  readonly onProblem: (problem: string) => void;
}

const format = { channel: 'engine channel', read: readMessage } as const;

/** Reads the channel of an engine's worker (JSON, one message a line) to its end. */
export function readChannel(reading: ChannelReading): Promise<void> {
  return readMessages<EngineMessage>({ ...format, ...reading });
}

/** One line of the channel. Fields that are not known are ignored, so that engine and daemon may differ in age. */
export function parseMessage(line: OutputLine): Parsed<EngineMessage> {
  return parseLine<EngineMessage>(line, format);
}

function readMessage(fields: Fields): EngineMessage | string {
  switch (fields['event']) {
    case 'ready':
      return { event: 'ready' };
    case 'load-failed': {
      const { message, traceback } = fields;
      if (typeof message !== 'string' || typeof traceback !== 'string') {
        return '"load-failed" lacks the texts "message" and "traceback"';
      }
      return { event: 'load-failed', message, traceback };
    }
    case 'timed-out': {
      const { event, how } = fields;
      if (how !== 'interrupted' && how !== 'left') return '"timed-out" does not say how';
      return { event, how };
    }
    case 'worn':
    case 'retiring': {
      const { event, reason, detail = '' } = fields;
      if (typeof reason !== 'string' || typeof detail !== 'string') {
        return `"${event}" lacks the text "reason", or its "detail" is no text`;
      }
      return { event, reason, detail };
    }
    default:
      return `the event ${JSON.stringify(fields['event'])} is not known`;
  }
}
