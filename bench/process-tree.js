import { readdir, readFile } from 'node:fs/promises';

/**
 * A process and all its descendants.
 *
 * @param {number} pid
 * @returns {Promise<number[]>}
 */
export async function processTree(pid) {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
  );
  const children = lists.join(' ').split(' ').filter(Boolean).map(Number);
  return [pid, ...(await Promise.all(children.map(processTree))).flat()];
}

/**
 * What a process and its descendants that are alive have spent so far.
 *
 * @param {number} pid
 */
export async function cpuMicroseconds(pid) {
  let total = 0;
  for (const member of await processTree(pid)) {
    for (const task of await readdir(`/proc/${member}/task`).catch(() => [])) {
      const text = await readFile(`/proc/${member}/task/${task}/schedstat`, 'utf8').catch(() => '0');
      total += Number(text.split(' ')[0]) / 1000;
    }
  }
  return total;
}
