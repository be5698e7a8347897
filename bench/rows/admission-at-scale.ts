import { setTimeout as sleep } from 'node:timers/promises';
import { namespaceNames, webhookPortOf } from '../cluster.ts';
import { quantileOf } from '../interleave.ts';
import { idle, NAMESPACES, SERVICE_ACCOUNTS, startLargeBed } from '../large-bed.ts';
import { paceRequests } from '../load/paced-load.ts';
import { REVIEWED_NAMESPACE, reviewRequest } from '../load/review-request.ts';
import { probe, PROBED } from '../probe.ts';
import type { Row } from '../row.ts';

const PER_SECOND = 200;
const WARM_UP_MS = 3_000;

export const row: Row = {
  what: `${PER_SECOND} reviews a second while ${NAMESPACES} namespaces are renewed and ${SERVICE_ACCOUNTS} ServiceAccounts relisted`,
  async measure() {
    const namespaces = [REVIEWED_NAMESPACE, ...namespaceNames(NAMESPACES - 1)];
    await using bed = await startLargeBed({ namespaces, nodeOptions: PROBED });
    const { service, renew, relist } = bed;
    const port = await webhookPortOf(service);
    const request = await reviewRequest('Pod', 'keep-alive');
    const load = { request, perSecond: PER_SECOND };
    await paceRequests(port, { ...load, signal: AbortSignal.timeout(WARM_UP_MS) });
    await idle(service.pid);
    await probe(service);
    const done = new AbortController();
    const answers = paceRequests(port, { ...load, signal: done.signal });
    await Promise.all([renew(), relist()]);
    await relist();
    await sleep(1_000);
    done.abort();
    const latenciesMs = await answers;
    const { eventLoopDelay } = await probe(service);
    const note = `${latenciesMs.length} answers`;
    return [
      {
        what: 'event-loop delay p99.9 during a renewal and a relist, under 200 reviews a second',
        unit: 'ms',
        value: eventLoopDelay.p999Ms,
        target: { atMost: 20 },
        note: `longest ${Math.round(eventLoopDelay.maxMs)} ms`,
      },
      { what: 'p99 of their answers', unit: 'ms', value: quantileOf(latenciesMs, 0.99), target: { atMost: 15 }, note },
    ];
  },
};
