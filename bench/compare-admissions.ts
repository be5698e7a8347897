import { startAdmissionBed, type Server } from './admission-bed.ts';
import { interleave } from './interleave.ts';
import { KeepAliveLoad } from './load/keep-alive-load.ts';
import { capturedReviews, reviewRequest, type ReviewedKind } from './load/review-request.ts';

export const CONNECTIONS = 32;
const WARM_UP_MS = 4_000;

/** A server with connections that are open, and what is to be sent on them. */
export interface LoadedServer extends Server {
  load: KeepAliveLoad;
  request: Buffer;
}

/** What a kind of review gave, of the service and of bare Fastify. */
export interface Compared<T> {
  kind: ReviewedKind;
  subject: T[];
  reference: T[];
}

/** Processes of each of the two: one differs from the next of the same program by up to a twentieth. */
const PROCESSES = 3;

/** Measures the service and bare Fastify in turns, with each of the captured reviews. */
export async function compareAdmissions<T>(
  pairs: number,
  measure: (server: LoadedServer) => Promise<T>,
): Promise<Compared<T>[]> {
  const kinds = Object.keys(capturedReviews) as ReviewedKind[];
  const compared = kinds.map((kind): Compared<T> => ({ kind, subject: [], reference: [] }));
  for (let left = PROCESSES; left > 0; left--) {
    const measuredBefore = compared[0]?.subject.length ?? 0;
    await measureOnce({ pairs: Math.ceil((pairs - measuredBefore) / left), compared, measure });
  }
  return compared;
}

/** With one process of each, adds to what was measured. @param main see {@link startAdmissionBed}. */
export async function measureOnce<T>(options: {
  pairs: number;
  compared: readonly Compared<T>[];
  measure: (server: LoadedServer) => Promise<T>;
  main?: string;
}): Promise<void> {
  const { pairs, compared, measure, main } = options;
  await using bed = await startAdmissionBed('fastify-server.ts', main);
  using service = await KeepAliveLoad.open(bed.service.port, CONNECTIONS);
  using reference = await KeepAliveLoad.open(bed.reference.port, CONNECTIONS);
  for (const { kind, ...measured } of compared) {
    const request = await reviewRequest(kind, 'keep-alive');
    for (const load of [service, reference]) await load.run(request, WARM_UP_MS);
    const more = await interleave(pairs, {
      subject: () => measure({ ...bed.service, load: service, request }),
      reference: () => measure({ ...bed.reference, load: reference, request }),
    });
    measured.subject.push(...more.subject);
    measured.reference.push(...more.reference);
  }
}
