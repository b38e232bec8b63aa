import { statfs } from 'node:fs/promises';

/**
 * File systems that other machines (or a host outside the virtual machine) write to: inotify(7) tells only of
 * changes made through this kernel. Numbers from linux/magic.h and statfs(2). Overlay is not among them: all
 * writes go through the same mount.
 */
const remoteTypes: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x564c, // NCP
  0x65735546, // FUSE: sshfs, virtiofs, Docker Desktop
  0x01021997, // 9P: WSL, virtual machines
  0x786f4256, // VirtualBox shared folders
  0x00c36400, // Ceph
  0x5346414f, // AFS
  0x6b414653, // AFS in the kernel
  0x73757245, // Coda
  0x01161970, // GFS2
  0x7461636f, // OCFS2
  0x0bd00bd0, // Lustre
]);

/** True when changes at `path` can happen behind the kernel's back. */
export async function isRemote(path: string): Promise<boolean> {
  try {
    const { type } = await statfs(path);
    return isRemoteType(type);
  } catch {
    return false;
  }
}

/** @param type `f_type` of statfs(2), signed or unsigned. */
export function isRemoteType(type: number): boolean {
  return remoteTypes.has(type >>> 0);
}
