import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** What reading a configuration needs of the file system; tests bring a folder in memory. */
export interface ConfigFiles {
  /** @throws the system's error. */
  readText(path: string): string;
  /** Names in a directory. @throws the system's error. */
  list(directory: string): readonly string[];
  exists(path: string): boolean;
}

export const systemFiles: ConfigFiles = {
  readText: (path) => readFileSync(path, 'utf8'),
  list: (directory) => readdirSync(directory),
  exists: (path) => existsSync(path),
};
