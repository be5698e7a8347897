import { describe, expect, inject, it } from 'vitest';
import { useTestBed } from '../contract/test-bed.ts';
import { ApiServerProcess } from './api-server-process.ts';
import { drillBed, isOfDeath, ReplicaDrill } from './replica-drill.ts';

const PER_SECOND = Number(process.env.DRILL_PER_SECOND ?? 200);

describe('three replicas behind one address', () => {
  const bed = useTestBed(drillBed);

  it('lose no admission and miss no injection, whatever ends or begins anew', { timeout: 600_000 }, async () => {
    const apiServer = bed.cluster.sandbox ? undefined : ApiServerProcess.of(inject('kubeconfig'));
    const { creations, death, writtenTwice, renewals, figures } = await new ReplicaDrill(bed, apiServer).run(
      PER_SECOND,
    );
    console.info(figures);
    // Between its death and the moment that somebody notices, a dead replica is still sent requests, and no server retries them.
    const lost = creations.filter(({ refusedAt, injected }) => refusedAt.length > 0 || !injected);
    expect(lost.filter((creation) => !isOfDeath(creation, death))).toEqual([]);
    expect(renewals).toBeGreaterThanOrEqual(2);
    expect(writtenTwice).toEqual([]);
  });
});
