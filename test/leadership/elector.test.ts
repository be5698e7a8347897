import { beforeEach, describe, expect, it } from 'vitest';
import type { CallOptions } from '../../src/kube/kube-client.ts';
import type { Lease } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { CLEANUP_IDENTITY } from '../../src/leadership/lease.ts';
import { refusal } from '../fakes/memory-api.ts';
import { ReplicaWorld } from './replica-world.ts';

const ref = { namespace: 'acr', name: 'acr-credential-injector' };

let world: ReplicaWorld;

beforeEach(() => {
  world = new ReplicaWorld();
});

const lease = (): Lease | undefined => world.api.read(resources.leases, ref);

/** How long it takes until this is so, in milliseconds of the world. */
async function until(isSo: () => boolean, withinMs = 60_000): Promise<number> {
  const startedAt = world.now;
  while (!isSo()) {
    if (world.now - startedAt > withinMs) throw new Error(`not so within ${withinMs} ms`);
    await world.pass(50, undefined, 50);
  }
  return world.now - startedAt;
}

describe('of several replicas', () => {
  it('one leads, and says so in the Lease', async () => {
    for (let index = 0; index < 3; index++) world.add().start();
    await world.pass(500);
    expect(world.leaders).toHaveLength(1);
    expect(lease()?.spec).toMatchObject({
      holderIdentity: world.leaders[0],
      leaseDurationSeconds: 10,
      leaseTransitions: 1,
      renewTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/) as string,
    });
    for (const { elector } of world.replicas) expect(elector.holder).toBe(world.leaders[0]);
  });

  it('the same one leads for as long as it renews', async () => {
    for (let index = 0; index < 3; index++) world.add({ latencyMs: 300 }).start();
    await world.pass(60_000);
    expect(world.replicas.map(({ terms }) => terms.length).sort()).toEqual([0, 0, 1]);
    expect(lease()?.spec?.leaseTransitions).toBe(1);
    expect(world.replicas.flatMap(({ failures }) => failures)).toEqual([]);
  });

  it('another leads at once when the leader resigns, which is told to leave the Lease to nobody', async () => {
    const first = world.add().start();
    await world.pass(1_000);
    world.add().start();
    await world.pass(1_000);
    first.resign();
    expect(first.elector.leads).toBe(true);
    expect(await until(() => world.leaders.includes('replica-1'))).toBeLessThanOrEqual(100);
    await first.ended();
    expect(first.terms[0]?.aborted).toBe(true);
    expect(world.leaders).toEqual(['replica-1']);
  });

  it.each([0, 5_000])('another leads within 15 s of a crash, requests taking %i ms / 10', async (latency) => {
    const options = { latencyMs: latency / 10 };
    const first = world.add(options).start();
    await world.pass(5_000);
    world.add(options).start();
    world.add(options).start();
    await world.pass(20_000);
    first.isPaused = true; // for good
    expect(await until(() => world.leaders.some((name) => name !== 'replica-0'))).toBeLessThan(15_000);
  });

  it('none takes a Lease whose holder is said to be somebody else for an hour', async () => {
    world.api.put<Lease>(resources.leases, {
      metadata: ref,
      spec: { holderIdentity: 'cleanup', leaseDurationSeconds: 3_600 },
    });
    world.add().start();
    await world.pass(100);
    await world.pass(3_599_000, undefined, 10_000);
    expect(world.leaders).toEqual([]);
    await world.pass(3_000);
    expect(world.leaders).toEqual(['replica-0']);
  });
});

describe('while the clean-up holds the Lease', () => {
  const hold = (seconds: number, renewal = '') =>
    world.api.put<Lease>(resources.leases, {
      metadata: ref,
      spec: { holderIdentity: CLEANUP_IDENTITY, leaseDurationSeconds: seconds, renewTime: renewal },
    });

  it('every replica says so, with the time that it waits until, and leads after that', async () => {
    const replica = world.add().start();
    await world.pass(1_000);
    hold(60);
    await world.pass(250);
    const until = 1e12 + world.now - 250 + 60_000;
    expect(replica.elector.leads).toBe(false);
    expect(Math.abs((replica.elector.suspendedUntil ?? 0) - until)).toBeLessThanOrEqual(250);
    await world.pass(15_000);
    hold(60, 'renewed');
    await world.pass(250);
    expect(replica.elector.suspendedUntil).toBeGreaterThan(until + 10_000);
    // A renewal is no news; that it is left for longer is.
    expect(replica.suspensions).toHaveLength(1);
    hold(600);
    await world.pass(250);
    expect(replica.suspensions).toHaveLength(2);
    await world.pass(605_000, undefined, 1_000);
    expect([replica.elector.leads, replica.elector.suspendedUntil]).toEqual([true, undefined]);
  });

  it('one that starts says so, and leads at once when the Lease is deleted', async () => {
    hold(600);
    const replica = world.add().start();
    await world.pass(500);
    expect(replica.suspensions).toHaveLength(1);
    world.api.remove(resources.leases, ref);
    expect(await until(() => replica.elector.leads)).toBeLessThanOrEqual(500);
    expect(replica.elector.suspendedUntil).toBeUndefined();
  });
});

describe('a leader', () => {
  it('that was stopped does not lead when it goes on, before it has seen that nobody else does', async () => {
    const replica = world.add().start();
    await world.pass(1_000);
    replica.isPaused = true;
    await world.pass(30_000);
    expect(replica.elector.leads).toBe(false);
    replica.isPaused = false;
    expect(replica.elector.leads).toBe(false);
    await until(() => replica.elector.leads, 3_000);
    expect(replica.terms.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(replica.failures).toEqual([]);
  });

  it('that was stopped for long enough finds another in its place', async () => {
    const [first] = [world.add().start()];
    await world.pass(1_000);
    world.add().start();
    first.isPaused = true;
    await world.pass(30_000);
    expect(world.leaders).toEqual(['replica-1']);
    first.isPaused = false;
    await world.pass(30_000, () => expect(world.leaders).toEqual(['replica-1']));
    expect(first.terms.map(({ aborted }) => aborted)).toEqual([true]);
    expect(first.elector.holder).toBe('replica-1');
  });

  it('that reaches nobody steps down before others may take its place, and leads again afterwards', async () => {
    const replica = world.add().start();
    await world.pass(1_000);
    world.isApiDown = true;
    const afterMs = await until(() => !replica.elector.leads);
    expect(afterMs).toBeLessThanOrEqual(7_000);
    await world.pass(1_000);
    expect(replica.terms[0]?.aborted).toBe(true);
    expect(replica.failures.length).toBeGreaterThan(0);
    world.isApiDown = false;
    await until(() => replica.elector.leads, 12_000);
    expect(replica.terms).toHaveLength(2);
  });

  it('keeps its term when a renewal and the look after it hang until they are given up', async () => {
    const replica = world.add().start();
    await world.pass(1_000);
    const hung: string[] = [];
    world.api.intercept = async ({ verb, options }) => {
      if (hung.length === 2 || (verb !== 'jsonPatch' && verb !== 'list')) return;
      hung.push(verb);
      await world.reaches(world.now + ((options as CallOptions).timeoutMs ?? 0));
      throw new Error('no answer in time');
    };
    await world.pass(20_000, () => expect(replica.elector.leads).toBe(true), 50);
    expect(hung).toEqual(['jsonPatch', 'list']);
    expect(replica.terms).toHaveLength(1);
    expect(replica.failures).toHaveLength(1);
  });

  it.each([1_200, 2_600, 2_800])('keeps its term when each renewal takes %i ms', async (ms) => {
    for (let index = 0; index < 2; index++) world.add({ latencyMs: ms / 2 }).start();
    await world.pass(120_000, undefined, 50);
    expect(world.replicas.map(({ terms }) => terms.length).sort()).toEqual([0, 1]);
    expect(world.replicas.flatMap(({ failures }) => failures)).toEqual([]);
  });

  it('renews every two seconds, and asks no faster than twice a second of an API server that refuses', async () => {
    world.add().start();
    await world.pass(1_000, undefined, 50);
    const renewals = () => world.api.count({ verb: 'jsonPatch' });
    const before = renewals();
    await world.pass(20_000, undefined, 50);
    expect(renewals() - before).toBe(10);
    world.api.intercept = ({ verb }) => {
      if (verb === 'jsonPatch') throw refusal(403, 'Forbidden');
    };
    await world.pass(7_000, undefined, 50);
    // No leader any more, it has no haste.
    const whileLeading = renewals() - before - 10;
    expect(whileLeading).toBeGreaterThan(8);
    expect(whileLeading).toBeLessThanOrEqual(15);
    await world.pass(60_000, undefined, 50);
    expect(renewals() - before - 10 - whileLeading).toBeLessThanOrEqual(31);
  });

  it.each([
    ['deleted', () => world.api.remove(resources.leases, ref)],
    [
      'given to somebody else',
      () => world.api.put<Lease>(resources.leases, { metadata: ref, spec: { holderIdentity: 'someone' } }),
    ],
  ])('whose Lease is %s leads no longer', async (_, interfere) => {
    const replica = world.add().start();
    await world.pass(1_000);
    interfere();
    await until(() => replica.terms[0]?.aborted === true, 200);
  });

  it('keeps what somebody else wrote into the Lease', async () => {
    world.add().start();
    await world.pass(1_000);
    const spec = { ...lease()?.spec, strategy: 'OldestEmulationVersion' };
    world.api.put<Lease>(resources.leases, { metadata: { ...ref, labels: { a: 'b' } }, spec });
    await world.pass(5_000);
    expect(lease()).toMatchObject({ metadata: { labels: { a: 'b' } }, spec: { strategy: 'OldestEmulationVersion' } });
  });

  it('loses nothing by a clock that is set back, and its term, for safety, by one that leaps ahead', async () => {
    const replica = world.add().start();
    await world.pass(1_000);
    replica.offsetMs = -3_600_000;
    await world.pass(5_000, () => expect(replica.elector.leads).toBe(true));
    replica.offsetMs = 0;
    expect(replica.elector.leads).toBe(false);
    await until(() => replica.elector.leads, 3_000);
    expect(replica.terms.map(({ aborted }) => aborted)).toEqual([true, false]);
  });

  it('that crashed and bears the same name again goes on with its own Lease', async () => {
    const replica = world.add().start();
    await world.pass(5_000);
    replica.isPaused = true;
    const again = new ReplicaWorld();
    again.api.put<Lease>(resources.leases, lease() ?? { metadata: ref });
    again.add().start();
    await again.pass(500);
    expect(again.leaders).toEqual(['replica-0']);
  });
});
