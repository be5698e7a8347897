import { beforeEach, describe, expect, it } from 'vitest';
import { errorOfStatus } from '../../src/kube/api-error.ts';
import type { Lease } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { refusal } from '../fakes/memory-api.ts';
import { CleanupWorld, LEASE, PULL } from './cleanup-world.ts';

const { leases, secrets } = resources;

let world: CleanupWorld;

beforeEach(() => {
  world = new CleanupWorld();
});

describe('an API server that refuses', () => {
  it('is asked again after the time that it asks for', async () => {
    world.leaveBehind();
    let refusals = 0;
    world.api.intercept = ({ verb, resource }) => {
      if (verb !== 'delete' || resource !== 'secrets' || ++refusals > 3) return;
      throw errorOfStatus({ code: 429, reason: 'TooManyRequests' }, 'the request', 7_000);
    };
    expect(await world.cleanUp()).toMatchObject({ removed: { Secret: 6 }, left: [] });
    expect(world.retries).toEqual([7_000, 7_000, 7_000]);
  });

  it('for good, is reported with what is left, while all else goes', async () => {
    world.leaveBehind();
    world.api.intercept = ({ verb, key }) => {
      if (verb === 'jsonPatch' && key === 'a/app') throw refusal(403, 'Forbidden');
    };
    expect(await world.cleanUp()).toMatchObject({
      removed: { MutatingWebhookConfiguration: 1, ServiceAccount: 3, Secret: 6 },
      left: ['ServiceAccount a/app'],
    });
    expect(new Set(world.failures)).toEqual(new Set(['ServiceAccount a/app']));
    expect(world.list('a/app')).toEqual(['mine', PULL, 'too', `${PULL}-2`]);
    expect(world.lease).toBeUndefined();
  });

  it.each([
    ['one ServiceAccount', 'jsonPatch', 'a/app', 'ServiceAccount a/app'],
    ['one Secret', 'delete', `b/${PULL}`, `Secret b/${PULL}`],
  ])('%s until the time is over, is reported with what is left, while all else goes', async (_, verb, key, left) => {
    world.leaveBehind();
    world.api.intercept = (call) => {
      if (call.verb === verb && call.key === key) throw refusal(503, 'ServiceUnavailable');
    };
    const startedAt = world.clock.now();
    expect(await world.cleanUp({ timeoutMs: 60_000 })).toMatchObject({ left: [left], isThrough: false });
    expect(world.clock.now() - startedAt).toBeLessThanOrEqual(61_000);
    expect(world.api.readAll(secrets).map(({ metadata }) => metadata.name)).toEqual(
      left.startsWith('Secret') ? [PULL] : [],
    );
    expect(world.lease).toBeUndefined();
  });

  it('for a while, is asked again in later rounds', async () => {
    world.leaveBehind();
    const mendedAt = world.clock.now() + 30_000;
    world.api.intercept = ({ verb, key }) => {
      if (verb === 'jsonPatch' && key === 'a/app' && world.clock.now() < mendedAt) throw refusal(500, 'InternalError');
    };
    expect(await world.cleanUp()).toMatchObject({ removed: { ServiceAccount: 4 }, left: [], isThrough: true });
    expect(world.api.count({ verb: 'jsonPatch', key: 'a/app' })).toBeLessThan(40);
  });

  it('is not waited for when time is over', async () => {
    world.leaveBehind();
    world.api.intercept = ({ verb, key }) => {
      return verb === 'jsonPatch' && key === 'a/app' ? new Promise(() => undefined) : undefined;
    };
    const startedAt = world.clock.now();
    const { left } = await world.cleanUp({ timeoutMs: 60_000 });
    expect(left).toContain('ServiceAccount a/app');
    expect(world.clock.now() - startedAt).toBeLessThanOrEqual(61_000);
  });

  it('to say what is there when time is over, is reported with what was last seen', async () => {
    world.leaveBehind();
    let isFirst = true;
    world.api.intercept = ({ verb, resource, key }) => {
      if (verb === 'jsonPatch' && key === 'a/app') throw refusal(500, 'InternalError');
      if (verb !== 'list' || resource !== 'serviceaccounts') return;
      if (!isFirst) throw refusal(503, 'ServiceUnavailable');
      isFirst = false;
    };
    expect(await world.cleanUp({ timeoutMs: 30_000 })).toMatchObject({
      removed: { ServiceAccount: 3, Secret: 6 },
      left: ['ServiceAccount a/app'],
      isThrough: false,
    });
  });

  it('to say whether all is gone, does not make it look so', async () => {
    world.leaveBehind();
    let isFirst = true;
    world.api.intercept = ({ verb, resource }) => {
      if (verb !== 'list' || resource !== 'serviceaccounts') return;
      if (!isFirst) throw refusal(503, 'ServiceUnavailable');
      isFirst = false;
    };
    expect(await world.cleanUp({ timeoutMs: 30_000 })).toMatchObject({ left: [], isThrough: false });
  });

  it('lets it be told that the time was too short to see whether the service runs', async () => {
    world.api.put<Lease>(leases, { metadata: LEASE, spec: { holderIdentity: 'pod-a', leaseDurationSeconds: 10 } });
    await expect(world.cleanUp({ timeoutMs: 5_000 })).rejects.toThrow('no end within 5000 ms');
  });

  it('from the first request on, is an error', async () => {
    world.api.intercept = () => {
      throw refusal(503, 'ServiceUnavailable');
    };
    await expect(world.cleanUp({ timeoutMs: 30_000 })).rejects.toMatchObject({ status: 503 });
  });
});
