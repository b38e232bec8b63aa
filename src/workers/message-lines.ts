import type { Readable } from 'node:stream';
import { describeError } from '../errors.ts';
import type { Clock } from '../host/clock.ts';
import type { OutputLine } from './lines.ts';
import { readLines } from './output.ts';

/** Longest message in bytes; a traceback is longer only by mistake. */
export const longestMessage = 64 * 1024;

/** A message, or a sentence that says why the line is none. */
export type Parsed<Message> =
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'refused'; readonly problem: string };

export type Fields = Readonly<Record<string, unknown>>;

/** Takes a message from its fields; a text says what is wrong with them. Fields it does not know are not looked at. */
export type MessageReader<Message> = (fields: Fields) => Message | string;

export interface MessageReading<Message> {
  readonly stream: Readable;
  readonly clock: Clock;
  /** Names the channel in problems. */
  readonly channel: string;
  readonly read: MessageReader<Message>;
  readonly onMessage: (message: Message) => void;
  /** The line was no message: a mistake of the sender, or somebody else writes to its descriptor. */
  readonly onProblem: (problem: string) => void;
}

/** Reads JSON, one message a line, to the end of the stream. Nothing that comes makes this throw. */
export function readMessages<Message>(reading: MessageReading<Message>): Promise<void> {
  const { stream, clock, onMessage, onProblem } = reading;
  const onLine = (line: OutputLine): void => {
    const parsed = parseLine(line, reading);
    if (parsed.kind === 'message') onMessage(parsed.message);
    else onProblem(parsed.problem);
  };
  return readLines({ stream, longest: longestMessage, clock, onLine });
}

export function parseLine<Message>(
  { text, cutBytes }: OutputLine,
  { channel, read }: Pick<MessageReading<Message>, 'channel' | 'read'>,
): Parsed<Message> {
  const result = cutBytes > 0 ? `a message is longer than ${longestMessage} bytes` : readLine(text, read);
  if (typeof result !== 'string') return { kind: 'message', message: result };
  const excerpt = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return { kind: 'refused', problem: `${channel}: ${result}: ${JSON.stringify(excerpt)}` };
}

function readLine<Message>(text: string, read: MessageReader<Message>): Message | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `a line is not JSON (${describeError(error)})`;
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? read(value as Fields) : 'a message is not an object';
}
