import { describe, expect, it } from 'vitest';
import { resources } from '../../src/kube/resources.ts';
import { isSandbox } from './cluster-under-test.ts';
import { eventually } from './eventually.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { useTestBed } from './test-bed.ts';
import { namesIn, serviceAccount } from './workloads.ts';

const DRAIN_MS = 1_500;

describe('a service that is asked to go', () => {
  const bed = useTestBed({ flags: { drain: `${DRAIN_MS}ms` } });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s is unready first, serves on, and then exits with 0',
    async (signal) => {
      if (!bed.service.isRunning) await bed.service.start();
      await bed.service.ready();
      const namespace = await bed.servedNamespace();
      const askedAt = performance.now();
      bed.service.signal(signal);
      await eventually(async () => (await bed.service.probe('/readyz')) === 503, { withinMs: DRAIN_MS / 2 });
      expect(await bed.service.probe('/livez')).toBe(200);
      const created = await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'late' }));
      expect(namesIn(created.imagePullSecrets)).toEqual([PULL_SECRET]);
      expect(await bed.service.exited()).toEqual({ code: 0, signal: null });
      expect(performance.now() - askedAt).toBeGreaterThanOrEqual(DRAIN_MS);
      expect(await bed.service.probe('/livez')).toBeUndefined();
    },
  );

  it('twice does not make it wait', async () => {
    await bed.service.start();
    await bed.service.ready();
    bed.service.signal('SIGTERM');
    await eventually(async () => (await bed.service.probe('/readyz')) === 503);
    bed.service.signal('SIGTERM');
    expect(await bed.service.exited()).toEqual({ code: 1, signal: null });
  });

  it.runIf(isSandbox)('goes in time although the API server has stopped to answer', async () => {
    if (!bed.service.isRunning) await bed.service.start();
    await bed.service.ready();
    const { faults } = bed.cluster.sandbox!;
    const frozen = faults.delay({ userAgent: /^acr-credential-injector/ }, 60_000);
    // What the service does by then goes unanswered, too.
    await eventually(() => bed.service.logs.some(({ error }) => error?.code === 'Timeout'), { withinMs: 30_000 });
    const askedAt = performance.now();
    bed.service.signal('SIGTERM');
    expect(await bed.service.exited()).toEqual({ code: 0, signal: null });
    expect(performance.now() - askedAt).toBeLessThan(DRAIN_MS + 3_500);
    frozen.end();
  });

  it('says nothing on its outputs but lines of its log', () => {
    expect(bed.service.stray).toEqual([]);
  });
});

describe('a service whose log nobody reads any more', () => {
  const bed = useTestBed({ flags: { drain: '0s', 'log-level': 'info' } });

  it('goes when it is asked to', async () => {
    await bed.service.ready();
    bed.service.deafen();
    bed.service.signal('SIGTERM');
    expect(await bed.service.exited()).toEqual({ code: 0, signal: null });
  });
});
