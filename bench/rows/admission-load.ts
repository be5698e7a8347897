import { busyNote, busyWhile, type Busy } from '../busy.ts';
import { compareAdmissions, CONNECTIONS, type Compared, type LoadedServer } from '../compare-admissions.ts';
import { medianOf, quantileOf } from '../interleave.ts';
import type { Figure, Row } from '../row.ts';

const PROCESSES = 5;
const WINDOW_MS = 500;

export const row: Row = {
  what: `answers per second and how long one takes, ${CONNECTIONS} connections of TLS, against bare Fastify`,
  async measure({ pairs }) {
    return (await compareAdmissions({ processes: PROCESSES, pairs }, measureWindow)).flatMap(figuresOf);
  },
};

interface Window extends Busy {
  answersPerSecond: number;
  p99Ms: number;
}

function measureWindow({ load, pid, request }: LoadedServer): Promise<Window> {
  return busyWhile(pid, async () => {
    const { answersPerSecond, latenciesMs } = await load.run(request, WINDOW_MS);
    return { answersPerSecond, p99Ms: quantileOf(latenciesMs, 0.99) };
  });
}

function figuresOf({ kind, subject, reference }: Compared<Window>): Figure[] {
  const median = (of: Window[], name: keyof Window) => medianOf(of.map((window) => window[name]));
  return [
    {
      what: `admission throughput, ${kind}`,
      unit: '1/s',
      value: median(subject, 'answersPerSecond'),
      reference: { what: 'bare Fastify', value: median(reference, 'answersPerSecond') },
      target: { atLeast: 0.85 },
      note: busyNote(subject, reference),
    },
    {
      what: `admission p99 under that load, ${kind}`,
      unit: 'ms',
      value: median(subject, 'p99Ms'),
      reference: { what: 'bare Fastify', value: median(reference, 'p99Ms') },
      target: { atMost: 1.3 },
    },
  ];
}
