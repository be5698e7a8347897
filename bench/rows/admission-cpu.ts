import { cpuMsOf } from '../child.ts';
import { compareAdmissions, type LoadedServer } from '../compare-admissions.ts';
import { medianOf } from '../interleave.ts';
import { nearRecorded } from '../recorded-ratio.ts';
import type { Row } from '../row.ts';

const PROCESSES = 3;
const WINDOW_MS = 500;

export const row: Row = {
  what: 'processor time of an admission, against bare Fastify',
  async measure({ pairs }) {
    const compared = await compareAdmissions({ processes: PROCESSES, pairs }, cpuOfAnswer);
    return compared.map(({ kind, subject, reference }) => ({
      what: `processor time of an admission, ${kind}`,
      unit: 'µs',
      value: medianOf(subject),
      reference: { what: 'bare Fastify', value: medianOf(reference) },
      target: nearRecorded(`admission-cpu, ${kind}`),
    }));
  },
};

/** In microseconds of the server. */
async function cpuOfAnswer({ load, pid, request }: LoadedServer): Promise<number> {
  const before = await cpuMsOf(pid);
  const { latenciesMs } = await load.run(request, WINDOW_MS);
  return (((await cpuMsOf(pid)) - before) * 1000) / latenciesMs.length;
}
