import { realpath, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join, relative, sep } from 'node:path';
import send from 'send';

export interface StaticFolder {
  /** Begins and ends with a slash: `/static/`. */
  readonly prefix: string;
  readonly directory: string;
}

/** The folder that answers for a decoded path: the longest prefix wins. */
export function matchFolder(folders: readonly StaticFolder[], path: string): StaticFolder | undefined {
  return folders
    .filter((folder) => path.startsWith(folder.prefix))
    .sort((one, other) => other.prefix.length - one.prefix.length)[0];
}

/**
 * Answers GET and HEAD with a file below the folder: types, validators, conditional and range requests are send's.
 * Resolves with a status when there is nothing to send: 404 for what is absent, no regular file, or outside after
 * following links; 405 for another method. `undefined`: answered.
 *
 * @param path decoded, without dot segments, with the prefix; bytes as Latin-1 characters.
 */
export async function sendStatic(
  folder: StaticFolder,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<404 | 405 | undefined> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return 405;
  const name = Buffer.from(path.slice(folder.prefix.length), 'latin1').toString('utf8');
  if (!(await isFileInside(folder.directory, name))) return 404;
  return new Promise((resolve) => {
    // Without an error listener send answers 412 and 416 itself.
    const stream = send(request, name.split('/').map(encodeURIComponent).join('/'), {
      root: folder.directory,
      index: false,
      dotfiles: 'ignore',
      cacheControl: false,
    });
    response.once('close', () => resolve(undefined));
    stream.pipe(response);
  });
}

/** send looks at names only; links are followed here, and must not lead out of the folder. */
async function isFileInside(directory: string, name: string): Promise<boolean> {
  try {
    const root = await realpath(directory);
    const file = await realpath(join(root, name));
    const inside = relative(root, file);
    if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`)) return false;
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
