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

/** Measures the service and bare Fastify in turns, with each of the captured reviews. */
export async function compareAdmissions<T>(
  pairs: number,
  measure: (server: LoadedServer) => Promise<T>,
): Promise<Compared<T>[]> {
  await using bed = await startAdmissionBed('fastify-server.ts');
  using service = await KeepAliveLoad.open(bed.service.port, CONNECTIONS);
  using reference = await KeepAliveLoad.open(bed.reference.port, CONNECTIONS);
  const compared: Compared<T>[] = [];
  for (const kind of Object.keys(capturedReviews) as ReviewedKind[]) {
    const request = await reviewRequest(kind, 'keep-alive');
    for (const load of [service, reference]) await load.run(request, WARM_UP_MS);
    const measured = await interleave(pairs, {
      subject: () => measure({ ...bed.service, load: service, request }),
      reference: () => measure({ ...bed.reference, load: reference, request }),
    });
    compared.push({ kind, ...measured });
  }
  return compared;
}
