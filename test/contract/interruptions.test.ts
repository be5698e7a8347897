import { describe, expect, it } from 'vitest';
import { resources } from '../../src/kube/resources.ts';
import type { SandboxApiServer } from '../sandbox/api-server/sandbox-api-server.ts';
import { isSandbox } from './cluster-under-test.ts';
import { eventually } from './eventually.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { useTestBed } from './test-bed.ts';
import { serviceAccount } from './workloads.ts';

/** The waits between tries grow with the failures; after an outage of a second they are a second or two long. */
const RECOVERY_MS = 10_000;

describe.runIf(isSandbox)('an API server that is interrupted', () => {
  const bed = useTestBed({ configuration: { 'webhook-configuration': undefined } });

  /** What happens in the cluster while the service cannot be told of it. */
  async function expectCaughtUp(
    interrupt: (sandbox: SandboxApiServer, meanwhile: () => Promise<void>) => Promise<void>,
  ) {
    const [old, deleted] = [await bed.servedNamespace(), await bed.servedNamespace()];
    const calls = bed.tokenCalls;
    let made = '';
    await interrupt(bed.cluster.sandbox!, async () => {
      made = await bed.namespace();
      await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace: old, name: 'new' }));
      await bed.user.delete(resources.secrets, { namespace: deleted, name: PULL_SECRET });
    });
    await bed.servedWithin(made, RECOVERY_MS);
    await bed.servedWithin(deleted, RECOVERY_MS);
    const isAttached = async () => (await bed.pullSecretsOf(old, 'new')).includes(PULL_SECRET);
    await eventually(isAttached, { withinMs: RECOVERY_MS });
    expect(await bed.service.probe('/livez')).toBe(200);
    expect(await bed.service.probe('/readyz')).toBe(200);
    expect(bed.tokenCalls).toBe(calls);
  }

  it('by cut watches is caught up with', async () => {
    await expectCaughtUp(async ({ faults }, meanwhile) => {
      faults.dropWatches();
      await meanwhile();
    });
  });

  it('by a history that it no longer has is caught up with', async () => {
    await expectCaughtUp(async ({ faults }, meanwhile) => {
      const stalled = faults.stallWatches();
      await meanwhile();
      faults.expireHistory();
      faults.dropWatches();
      stalled.end();
    });
  });

  it('by refused connections is caught up with', async () => {
    await expectCaughtUp(async ({ faults }, meanwhile) => {
      await faults.refuseConnections();
      const from = bed.service.logs.length;
      await eventually(() => bed.service.logs.slice(from).some(({ error }) => error?.code === 'Unreachable'));
      await faults.acceptConnections();
      await meanwhile();
    });
  });

  it('by answers of 429 is obeyed: what it asks to wait is waited', async () => {
    const { faults, requests } = bed.cluster.sandbox!;
    const namespace = bed.nextTarget();
    const writes = { verb: 'patch', resource: 'secrets', namespace } as const;
    faults.fail({ ...writes }, { code: 429, retryAfterSeconds: 1 }, 1);
    await bed.namespace(namespace);
    await bed.servedWithin(namespace, RECOVERY_MS);
    const [refused, written] = requests.of(writes);
    expect([refused?.status, written?.status]).toEqual([429, 201]);
    expect((written?.at ?? 0) - (refused?.at ?? 0)).toBeGreaterThanOrEqual(1_000);
  });

  it('by an answer that is lost on its way is asked again', async () => {
    const { faults, requests } = bed.cluster.sandbox!;
    const namespace = bed.nextTarget();
    faults.loseAnswer({ verb: 'patch', resource: 'secrets', namespace }, 1);
    await bed.namespace(namespace);
    await bed.servedWithin(namespace, RECOVERY_MS);
    await bed.servedNamespace();
    expect(requests.count({ verb: 'patch', resource: 'secrets', namespace })).toBeLessThanOrEqual(2);
  });
});
