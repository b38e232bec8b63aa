import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../config/units.ts';
import { describeError } from '../errors.ts';

const mostWorkers = 1024;

/** @returns milliseconds. Everything here raises commander's InvalidArgumentError. */
export function parseTimeout(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new InvalidArgumentError(describeError(error));
  }
}

/** A number of workers. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= mostWorkers) return count;
  throw new InvalidArgumentError(`expected a number from 1 to ${mostWorkers}; "fcgictl stop" stops a pool.`);
}
