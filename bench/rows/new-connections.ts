import { startAdmissionBed, type Server } from '../admission-bed.ts';
import { busyNote, busyWhile } from '../busy.ts';
import { interleave, medianOf } from '../interleave.ts';
import { loadNewConnections } from '../load/new-connections-load.ts';
import { reviewRequest } from '../load/review-request.ts';
import type { Row } from '../row.ts';

const CLIENTS = 16;
const WINDOW_MS = 2_000;

export const row: Row = {
  what: 'new connections with one review each, answered per second, against node:https with the same key',
  async measure({ pairs }) {
    await using bed = await startAdmissionBed('https-server.ts');
    const request = await reviewRequest('Pod', 'close');
    const options = { request, clients: CLIENTS, durationMs: WINDOW_MS };
    const load = ({ port, pid }: Server) =>
      busyWhile(pid, async () => ({ answersPerSecond: await loadNewConnections(port, options) }));
    const pair = { subject: () => load(bed.service), reference: () => load(bed.reference) };
    await interleave(1, pair); // to warm up
    const { subject, reference } = await interleave(pairs, pair);
    return [
      {
        what: 'new connections, one review each',
        unit: '1/s',
        value: medianOf(subject.map(({ answersPerSecond }) => answersPerSecond)),
        reference: { what: 'node:https', value: medianOf(reference.map(({ answersPerSecond }) => answersPerSecond)) },
        target: { atLeast: 0.85 },
        note: busyNote(subject, reference),
      },
    ];
  },
};
