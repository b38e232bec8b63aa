import type { Readable } from 'node:stream';
import { describeError } from '../errors.ts';
import type { Clock } from '../host/clock.ts';
import type { EngineMessage } from './launcher.ts';
import { type OutputLine, readLines } from './output.ts';

/** Longest message of the engine in bytes; a traceback is longer only by mistake. */
export const longestMessage = 64 * 1024;

/** A message, or a sentence that says why the line is none. */
export type ParsedMessage =
  | { readonly kind: 'message'; readonly message: EngineMessage }
  | { readonly kind: 'refused'; readonly problem: string };

export interface ChannelReading {
  readonly stream: Readable;
  readonly clock: Clock;
  readonly onMessage: (message: EngineMessage) => void;
  /** The line was no message: a mistake of the engine, or somebody else writes to fd 3. */
  readonly onProblem: (problem: string) => void;
}

/** Reads the engine's channel (JSON, one message a line, on fd 3) to its end. Nothing it says makes this throw. */
export function readChannel({ stream, clock, onMessage, onProblem }: ChannelReading): Promise<void> {
  const onLine = (line: OutputLine): void => {
    const parsed = parseMessage(line);
    if (parsed.kind === 'message') onMessage(parsed.message);
    else onProblem(parsed.problem);
  };
  return readLines({ stream, longest: longestMessage, clock, onLine });
}

/** One line of the channel. Fields that are not known are ignored, so that engine and daemon may differ in age. */
export function parseMessage({ text, cutBytes }: OutputLine): ParsedMessage {
  if (cutBytes > 0) return refused(`a message is longer than ${longestMessage} bytes`, text);
  try {
    return readMessage(JSON.parse(text), text);
  } catch (error) {
    return refused(`a line is not JSON (${describeError(error)})`, text);
  }
}

function readMessage(value: unknown, text: string): ParsedMessage {
  if (!isRecord(value)) return refused('a message is not an object', text);
  switch (value['event']) {
    case 'ready':
      return { kind: 'message', message: { event: 'ready' } };
    case 'load-failed': {
      const { message, traceback } = value;
      if (typeof message !== 'string' || typeof traceback !== 'string') {
        return refused('"load-failed" lacks the texts "message" and "traceback"', text);
      }
      return { kind: 'message', message: { event: 'load-failed', message, traceback } };
    }
    case 'worn':
    case 'retiring': {
      const { event, reason, detail = '' } = value;
      if (typeof reason !== 'string' || typeof detail !== 'string') {
        return refused(`"${event}" lacks the text "reason", or its "detail" is no text`, text);
      }
      return { kind: 'message', message: { event, reason, detail } };
    }
    default:
      return refused(`the event ${JSON.stringify(value['event'])} is not known`, text);
  }
}

function refused(problem: string, text: string): ParsedMessage {
  const excerpt = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return { kind: 'refused', problem: `engine channel: ${problem}: ${JSON.stringify(excerpt)}` };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
