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

const kinds = Object.keys(capturedReviews) as ReviewedKind[];

/**
 * Measures the service and bare Fastify in turns, with each of the captured reviews.
 *
 * @param processes of each of the two: one differs from the next of the same program by up to a twentieth.
 * @param pairs in each of them. What else the machine has to do changes within seconds, so many short ones tell more than a few long.
 */
export async function compareAdmissions<T>(
  { processes, pairs }: { processes: number; pairs: number },
  measure: (server: LoadedServer) => Promise<T>,
): Promise<Compared<T>[]> {
  const compared: Compared<T>[] = [];
  for (let left = processes; left > 0; left--) compared.push(...(await compareOnce(pairs, measure)));
  return kinds.map((kind) => {
    const ofKind = compared.filter((each) => each.kind === kind);
    return {
      kind,
      subject: ofKind.flatMap(({ subject }) => subject),
      reference: ofKind.flatMap(({ reference }) => reference),
    };
  });
}

/** With one process of each. @param main see {@link startAdmissionBed}. */
export async function compareOnce<T>(
  pairs: number,
  measure: (server: LoadedServer) => Promise<T>,
  main?: string,
): Promise<Compared<T>[]> {
  await using bed = await startAdmissionBed('fastify-server.ts', main);
  using service = await KeepAliveLoad.open(bed.service.port, CONNECTIONS);
  using reference = await KeepAliveLoad.open(bed.reference.port, CONNECTIONS);
  const compared: Compared<T>[] = [];
  for (const kind of kinds) {
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
