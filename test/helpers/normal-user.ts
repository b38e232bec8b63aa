import { chownSync } from 'node:fs';
import type { Workspace } from './workspace.ts';

/** The user and the group "nobody" of most systems. */
const nobody = 65_534;

/** A launcher for a program of this workspace that has no privileges, whoever runs the tests. */
export function asNormalUser(workspace: Workspace): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  chownSync(workspace.path, nobody, nobody);
  return ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];
}
