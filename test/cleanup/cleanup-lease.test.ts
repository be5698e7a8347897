import { beforeEach, describe, expect, it } from 'vitest';
import type { Lease } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { CLEANUP_IDENTITY } from '../../src/leadership/lease.ts';
import { secretAt } from '../builders/kube-objects.ts';
import { refusal } from '../fakes/memory-api.ts';
import { CleanupWorld, LEASE, ours, PULL } from './cleanup-world.ts';

const { leases, secrets } = resources;

let world: CleanupWorld;

beforeEach(() => {
  world = new CleanupWorld();
});

describe('cleaning up while the service runs', () => {
  /** A leader that renews its Lease for as long as it has it. */
  async function lead(holderIdentity = 'pod-a'): Promise<void> {
    const spec = { holderIdentity, leaseDurationSeconds: 10 };
    for (let renewals = 0; renewals === 0 || world.lease?.spec?.holderIdentity === holderIdentity; renewals++) {
      world.api.put<Lease>(leases, { metadata: LEASE, spec: { ...spec, renewTime: String(renewals) } });
      await world.clock.sleep(2_000);
    }
  }

  it('takes the Lease away at once and keeps it, so that nothing comes back', async () => {
    world.leaveBehind();
    void lead();
    expect(await world.cleanUp()).toEqual({
      removed: { MutatingWebhookConfiguration: 1, ServiceAccount: 4, Secret: 6 },
      left: ['Lease acr/acr-credential-injector'],
      liveness: 'Alive',
      isThrough: true,
    });
    expect(world.lease?.spec).toMatchObject({ holderIdentity: CLEANUP_IDENTITY, leaseDurationSeconds: 300 });
  });

  it('removes what was on its way when the Lease changed hands', async () => {
    world.leaveBehind();
    void lead();
    const late = world.clock.sleep(8_000).then(() => world.api.put(secrets, secretAt(`a/${PULL}`, {}, ours)));
    expect(await world.cleanUp()).toMatchObject({ left: ['Lease acr/acr-credential-injector'] });
    await late;
    expect(world.api.readAll(secrets)).toEqual([]);
  });

  it('knows that the service runs when it is run again, too', async () => {
    world.leaveBehind();
    void lead();
    await world.cleanUp();
    // A candidate, which leads as soon as it may.
    const free = world.clock.sleep(500);
    void (async () => {
      await free;
      while (world.lease?.spec?.holderIdentity !== '') await world.clock.sleep(500);
      await lead('pod-b');
    })();
    expect(await world.cleanUp()).toMatchObject({ left: ['Lease acr/acr-credential-injector'], liveness: 'Alive' });
    expect(world.lease?.spec).toMatchObject({ holderIdentity: CLEANUP_IDENTITY, leaseDurationSeconds: 300 });
  });

  it('knows that the service runs when one replica dies and another is about to follow it', async () => {
    const put = (holderIdentity: string) =>
      world.api.put<Lease>(leases, { metadata: LEASE, spec: { holderIdentity, leaseDurationSeconds: 10 } });
    put('pod-a');
    void world.clock.sleep(6_500).then(() => put(''));
    void world.clock.sleep(9_500).then(() => lead('pod-b'));
    expect(await world.cleanUp()).toMatchObject({ liveness: 'Alive' });
  });

  it('takes the Lease back from a replica that took it meanwhile', async () => {
    world.leaveBehind();
    let isTaken = false;
    world.api.intercept = async ({ verb, resource }) => {
      if (verb !== 'delete' || resource !== 'secrets' || isTaken) return;
      isTaken = true;
      void lead();
      await world.clock.sleep(40_000);
    };
    expect(await world.cleanUp()).toMatchObject({ left: ['Lease acr/acr-credential-injector'], liveness: 'Alive' });
    expect(world.lease?.spec).toMatchObject({ holderIdentity: CLEANUP_IDENTITY, leaseDurationSeconds: 300 });
  });

  it('gives the Lease up when it is run again after the service has ended', async () => {
    void lead();
    await world.cleanUp();
    expect(await world.cleanUp()).toMatchObject({ left: [], liveness: 'Dead' });
    expect(world.lease).toBeUndefined();
  });
});

describe('the Lease', () => {
  it('is held for a minute, and renewed while there is something to do', async () => {
    world.leaveBehind();
    const released = world.clock.sleep(200_000);
    world.api.intercept = async ({ verb, key }) => {
      if (verb === 'delete' && key === `a/${PULL}`) await released;
    };
    const running = world.cleanUp();
    const ages: number[] = [];
    for (let look = 0; look < 18; look++) {
      await world.clock.sleep(10_000);
      const { renewTime = '', leaseDurationSeconds, leaseTransitions } = world.lease?.spec ?? {};
      expect([leaseDurationSeconds, leaseTransitions]).toEqual([60, 1]);
      ages.push(world.clock.now() - Date.parse(renewTime));
    }
    expect(Math.max(...ages)).toBeLessThan(30_000);
    expect(await running).toMatchObject({ left: [] });
    expect(world.lease).toBeUndefined();
  });

  it('is given up when the run is ended from outside', async () => {
    world.leaveBehind();
    const stop = new AbortController();
    world.api.intercept = ({ verb, resource }) => {
      if (verb === 'delete' && resource === 'secrets') stop.abort(new Error('SIGTERM'));
    };
    const report = await world.cleanUp({ stop: stop.signal });
    expect(report).toMatchObject({ removed: { ServiceAccount: 4 }, isThrough: false });
    expect(report.left).toContain(`Secret a/${PULL}`);
    expect(world.lease).toBeUndefined();
  });

  it('is given up when it cannot be told what is there', async () => {
    world.leaveBehind();
    world.api.intercept = ({ verb, resource }) => {
      if (verb === 'list' && resource === 'serviceaccounts') throw refusal(403, 'Forbidden');
    };
    await expect(world.cleanUp()).rejects.toMatchObject({ status: 403 });
    expect(world.lease).toBeUndefined();
  });

  it('is given up when whether it was taken is not known', async () => {
    world.api.beforeAnswer = ({ verb, resource }) => {
      return verb === 'apply' && resource === 'leases' ? new Promise(() => undefined) : undefined;
    };
    await expect(world.cleanUp({ timeoutMs: 5_000 })).rejects.toThrow();
    expect(world.lease).toBeUndefined();
  });

  it('that cannot be given up is among what is left, within seconds', async () => {
    world.leaveBehind();
    world.api.intercept = ({ verb, resource }) => {
      if (verb === 'delete' && resource === 'leases') throw refusal(503, 'ServiceUnavailable');
    };
    const startedAt = world.clock.now();
    expect(await world.cleanUp()).toMatchObject({ left: ['Lease acr/acr-credential-injector'], liveness: 'Dead' });
    expect(world.clock.now() - startedAt).toBeLessThan(20_000);
  });
});
