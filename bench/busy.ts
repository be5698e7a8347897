import { cpuMsOf } from './child.ts';
import { medianOf } from './interleave.ts';

/** What share of one core a server was busy: one that waited for its load tells nothing of what it could do. */
export interface Busy {
  busy: number;
}

/** Resolves to what `work` does, and how busy the process was meanwhile. */
export async function busyWhile<T extends object>(pid: number, work: () => Promise<T>): Promise<T & Busy> {
  const [startedAt, cpuMs] = [performance.now(), await cpuMsOf(pid)];
  const result = await work();
  return { ...result, busy: ((await cpuMsOf(pid)) - cpuMs) / (performance.now() - startedAt) };
}

export function busyNote(subject: readonly Busy[], reference: readonly Busy[]): string {
  const percent = (of: readonly Busy[]) => Math.round(100 * medianOf(of.map(({ busy }) => busy)));
  return `busy: service ${percent(subject)} %, reference ${percent(reference)} % of a core`;
}
