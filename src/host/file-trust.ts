import type { Stats } from 'node:fs';

/*
 * Which files the daemon opens with rights that others do not have. A path of its configuration may lie in a directory
 * that another user can write: the user of a site, who puts something else at the name when he likes.
 *
 * Root and the daemon's own user are trusted; everybody else is a stranger. A stranger may put at a path what is his:
 * he decides about his own site anyway. He may not choose what of somebody else is read or written, and he may not hold
 * the daemon up. So:
 *
 * - A symbolic link of a stranger may lead only to what belongs to that stranger. The same is known from
 *   SymLinksIfOwnerMatch of Apache and disable_symlinks of nginx. Links of root lead anywhere.
 * - A file with several names (link(2)) may have got the one by a stranger, where fs.protected_hardlinks is off.
 * - Only a regular file is read: a FIFO waits for its writer for ever, and a device may never end.
 * - A log is a regular file, a device, or a FIFO that somebody trusted has made. In a directory that everybody may
 *   write, it is none of a stranger's (as fs.protected_regular has it, proc_sys_fs(5)).
 *
 * All of it is about inodes that are held (destination.ts), so that nothing can be exchanged after the look.
 */

export interface Refusal {
  /** What was expected, and what was found. */
  readonly message: string;
  /** What to do, as a whole sentence. */
  readonly hint: string;
}

/** What the rule asks of an inode (inode(7)). */
export type FileFacts = Pick<
  Stats,
  'uid' | 'mode' | 'nlink' | 'isFile' | 'isDirectory' | 'isFIFO' | 'isCharacterDevice' | 'isSocket'
>;

/** A file, and the directory that holds its name. */
export interface FileInDirectory {
  readonly file: FileFacts;
  readonly directory: FileFacts;
  /** Of the daemon. */
  readonly ownUid: number;
}

const groupWritable = 0o020;
const otherWritable = 0o002;
const sticky = 0o1000;

export function isStranger(uid: number, ownUid: number): boolean {
  return uid !== 0 && uid !== ownUid;
}

/** @param target `undefined`: the link leads to nothing, and a file made there would be where the stranger wants it. */
export function refuseLink(
  link: { readonly path: string; readonly uid: number },
  target: FileFacts | undefined,
  ownUid: number,
): Refusal | undefined {
  if (!isStranger(link.uid, ownUid) || target?.uid === link.uid) return undefined;
  const end = target === undefined ? 'nothing' : `${kindOf(target)} of user ${target.uid}`;
  return {
    message:
      'expected a symbolic link of another user to lead to what is his own, ' +
      `found ${link.path} of user ${link.uid}, which leads to ${end}`,
    hint: 'If that is as it should be, name what it leads to instead of the link, or let root make the link.',
  };
}

export function refuseToRead(place: FileInDirectory): Refusal | undefined {
  const { file } = place;
  if (file.isFile()) return refusePlanted(place);
  const hint = 'Put a regular file in its place, or name another one.';
  return { message: `expected a regular file, found ${kindOf(file)} of user ${file.uid}`, hint };
}

/** @param isDescriptor reached as an open descriptor of a process (/dev/stdout), whoever made what it leads to. */
export function refuseToAppend(place: FileInDirectory, isDescriptor: boolean): Refusal | undefined {
  const { file, directory, ownUid } = place;
  if (file.isFile()) return refusePlanted(place) ?? refuseShared(file, directory, ownUid);
  if (file.isCharacterDevice()) return undefined;
  if (file.isFIFO() && (isDescriptor || !isStranger(file.uid, ownUid))) return undefined;
  return {
    message:
      'expected a regular file, a device such as /dev/null, or a FIFO of root or of the user of runfcgid; ' +
      `found ${kindOf(file)} of user ${file.uid}`,
    hint: isDescriptor
      ? 'Choose another place for the log: what systemd gives for its journal, for example, is a socket and has no name.'
      : 'Remove it, or choose another place for the log.',
  };
}

function refusePlanted({ file, directory, ownUid }: FileInDirectory): Refusal | undefined {
  const isOfOwner = isStranger(directory.uid, ownUid) && file.uid === directory.uid;
  if (file.nlink < 2 || isOfOwner || !isOpenToStrangers(directory, ownUid)) return undefined;
  return {
    message:
      'expected a file with one name in a directory that other users can write, ' +
      `found one of user ${file.uid} with ${file.nlink} names`,
    hint: 'Somebody may have linked the file of another user here: look at it, and put a copy in its place.',
  };
}

function refuseShared(file: FileFacts, directory: FileFacts, ownUid: number): Refusal | undefined {
  const isForEverybody = (directory.mode & otherWritable) !== 0 && (directory.mode & sticky) !== 0;
  if (!isForEverybody || !isStranger(file.uid, ownUid) || file.uid === directory.uid) return undefined;
  return {
    message:
      'expected a file of root or of the user of runfcgid in a directory that everybody can write, ' +
      `found one of user ${file.uid}`,
    hint: 'Remove it, or choose another place for the log.',
  };
}

function isOpenToStrangers({ uid, mode }: FileFacts, ownUid: number): boolean {
  return isStranger(uid, ownUid) || (mode & (groupWritable | otherWritable)) !== 0;
}

function kindOf(file: FileFacts): string {
  if (file.isFile()) return 'a regular file';
  if (file.isDirectory()) return 'a directory';
  if (file.isFIFO()) return 'a FIFO';
  if (file.isCharacterDevice()) return 'a character device';
  return file.isSocket() ? 'a socket' : 'a block device';
}
