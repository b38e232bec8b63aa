import { closeSync, existsSync, openSync, readdirSync } from 'node:fs';
import { readWholeText } from '../host/whole-text.ts';

/** Thousands of pools take less. */
const mostBytes = 16 * 1024 * 1024;

/** What reading a configuration needs of the file system; tests bring a folder in memory. */
export interface ConfigFiles {
  /** Of a file, or of a pipe. @throws RunfcgidError DAEMON_FILE_FAILED when it is too large, or the system's error. */
  readText(path: string): string;
  /** Names in a directory. @throws the system's error. */
  list(directory: string): readonly string[];
  exists(path: string): boolean;
}

export const systemFiles: ConfigFiles = {
  readText,
  list: (directory) => readdirSync(directory),
  exists: (path) => existsSync(path),
};

function readText(path: string): string {
  const descriptor = openSync(path, 'r');
  try {
    return readWholeText(descriptor, mostBytes);
  } finally {
    closeSync(descriptor);
  }
}
