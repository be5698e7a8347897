import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../test/contract/eventually.ts';
import type { ServiceProcess } from '../test/contract/service-process.ts';

export const PROBE_MESSAGE = 'probe';
/** Has the service answer {@link probe}. */
export const PROBED = `--import=${join(import.meta.dirname, 'probe-preload.ts')}`;

export interface ProbeReport {
  msg: typeof PROBE_MESSAGE;
  /** Since the last report; of the ticks of a timer of 1 ms, which is in it. */
  eventLoopDelay: { p999Ms: number; maxMs: number };
  /** After a garbage collection. */
  heapUsedBytes: number;
}

/** What a service that was started with {@link PROBED} knows of itself. */
export function probe(service: ServiceProcess): Promise<ProbeReport> {
  const before = reportsOf(service).length;
  service.signal('SIGUSR2');
  return eventually(() => reportsOf(service)[before]);
}

function reportsOf({ output }: ServiceProcess): ProbeReport[] {
  const lines = output.split('\n').filter((line) => line.startsWith(`{"msg":"${PROBE_MESSAGE}"`) && line.endsWith('}'));
  return lines.map((line) => JSON.parse(line) as ProbeReport);
}

/** The memory of a process that is in use, and the most that ever was, in MB of 10^6 bytes. Source: proc_pid_status(5) */
export async function residentMbOf(pid: number): Promise<{ now: number; peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const mbOf = (field: string) => (Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1_024) / 1e6;
  return { now: mbOf('VmRSS'), peak: mbOf('VmHWM') };
}
