import { beforeEach, describe, expect, it } from 'vitest';
import type { Lease, ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { CLEANUP_IDENTITY } from '../../src/leadership/lease.ts';
import { namespaceNamed, refAt, secretAt, serviceAccountAt } from '../builders/kube-objects.ts';
import { refusal } from '../fakes/memory-api.ts';
import { CleanupWorld, LEASE, ours, PULL } from './cleanup-world.ts';

const { leases, mutatingWebhookConfigurations, secrets, serviceAccounts } = resources;

let world: CleanupWorld;

beforeEach(() => {
  world = new CleanupWorld();
});

describe('cleaning up after a service that is dead', () => {
  it("leaves nothing of it, and users' own entries in their order", async () => {
    world.leaveBehind();
    world.api.put(secrets, secretAt('a/mine'));
    expect(await world.cleanUp()).toEqual({
      removed: { MutatingWebhookConfiguration: 1, ServiceAccount: 4, Secret: 6 },
      left: [],
      liveness: 'Dead',
      isThrough: true,
    });
    expect(world.api.readAll(secrets).map(({ metadata }) => metadata.name)).toEqual(['mine']);
    expect(world.api.readAll(mutatingWebhookConfigurations)).toEqual([]);
    expect(['a/app', 'b/app'].map((key) => world.list(key))).toEqual([
      ['mine', 'too'],
      ['mine', 'too'],
    ]);
    expect(world.list('a/default')).toBeUndefined();
    expect(world.lease).toBeUndefined();
  });

  it('finds nothing the second time', async () => {
    world.leaveBehind();
    await world.cleanUp();
    const writes = world.api.calls.length;
    expect(await world.cleanUp()).toMatchObject({ removed: { ServiceAccount: 0, Secret: 0 }, left: [] });
    const verbs = new Set(world.api.calls.slice(writes).map(({ verb, resource }) => `${verb} ${resource}`));
    expect([...verbs].filter((verb) => /^(jsonPatch|delete|apply)/.test(verb))).toEqual([
      'apply leases',
      'jsonPatch leases',
      'delete leases',
    ]);
  });

  it('holds the Lease before it removes anything', async () => {
    world.leaveBehind();
    const holders: (string | undefined)[] = [];
    world.api.intercept = ({ verb, resource }) => {
      const isRemoval = (verb === 'delete' || verb === 'jsonPatch') && resource !== 'leases';
      if (isRemoval) holders.push(world.lease?.spec?.holderIdentity);
    };
    await world.cleanUp();
    expect(new Set(holders)).toEqual(new Set([CLEANUP_IDENTITY]));
  });

  it('removes the registration before references, and references before Secrets', async () => {
    world.leaveBehind();
    await world.cleanUp();
    const removals = world.api.calls.filter(
      ({ verb, resource }) => verb === 'delete' || (verb === 'jsonPatch' && resource !== 'leases'),
    );
    const resourcesInOrder = removals.map(({ resource }) => resource).filter((each, at, all) => each !== all[at - 1]);
    expect(resourcesInOrder).toEqual(['mutatingwebhookconfigurations', 'serviceaccounts', 'secrets', 'leases']);
  });

  it('waits until the Lease of a leader that died has run out', async () => {
    world.leaveBehind();
    world.api.put<Lease>(leases, { metadata: LEASE, spec: { holderIdentity: 'pod-a', leaseDurationSeconds: 10 } });
    const startedAt = world.clock.now();
    expect(await world.cleanUp()).toMatchObject({ left: [], liveness: 'Dead' });
    expect(world.clock.now() - startedAt).toBeGreaterThan(10_000);
    expect(world.lease).toBeUndefined();
  });

  it('goes on where a clean-up before was broken off', async () => {
    world.leaveBehind();
    world.api.put<Lease>(leases, {
      metadata: LEASE,
      spec: { holderIdentity: CLEANUP_IDENTITY, leaseDurationSeconds: 60 },
    });
    expect(await world.cleanUp()).toMatchObject({ left: [], liveness: 'Dead' });
    expect(world.lease).toBeUndefined();
  });

  it('reads lists page by page, and anew when the server has forgotten the rest', async () => {
    for (let index = 0; index < 25; index++) {
      world.api.put(serviceAccounts, serviceAccountAt(`a/app-${index}`, [PULL]));
    }
    world.api.pageSize = 10;
    let isForgotten = false;
    world.api.intercept = ({ verb, resource, options }) => {
      const isLater = verb === 'list' && resource === 'serviceaccounts' && 'continue' in (options ?? {});
      if (!isLater || !(options as { continue?: string }).continue || isForgotten) return;
      isForgotten = true;
      world.api.expireHistory();
    };
    expect((await world.cleanUp()).removed.ServiceAccount).toBe(25);
    expect(isForgotten).toBe(true);
  });

  it('asks no more of it per namespace the more there are', async () => {
    const callsFor = async (count: number) => {
      world = new CleanupWorld();
      world.api.pageSize = 50;
      for (let index = 0; index < count; index++) {
        const [account, secret] = [serviceAccountAt(`ns-${index}/default`, [PULL]), `ns-${index}/${PULL}`];
        world.api.put(resources.namespaces, namespaceNamed(`ns-${index}`));
        world.api.put(serviceAccounts, account);
        world.api.put(secrets, secretAt(secret, {}, ours));
      }
      let atOnce = 0;
      let mostAtOnce = 0;
      world.api.intercept = async () => {
        mostAtOnce = Math.max(mostAtOnce, ++atOnce);
        await Promise.resolve();
        atOnce--;
      };
      const startedAt = world.clock.now();
      expect(await world.cleanUp()).toMatchObject({ removed: { ServiceAccount: count, Secret: count }, left: [] });
      expect(mostAtOnce).toBeLessThanOrEqual(17);
      expect(world.clock.now() - startedAt).toBeLessThan(10_000);
      return world.api.calls.length;
    };
    const [few, many] = [await callsFor(200), await callsFor(1_600)];
    expect(many).toBeLessThan(8 * few);
  });

  it("leaves a ServiceAccount's list as it is that the service has to leave alone", async () => {
    world.leaveBehind();
    const metadata = { namespace: 'a', name: 'alone', labels: { 'acr-credential-injector/inject': 'false' } };
    world.api.put<ServiceAccount>(serviceAccounts, { metadata, imagePullSecrets: [{ name: PULL }] });
    expect(await world.cleanUp()).toMatchObject({ removed: { ServiceAccount: 4 }, left: [] });
    expect(world.list('a/alone')).toEqual([PULL]);
  });

  it('takes away the Secrets of every name that it is given, with the references to them', async () => {
    world.leaveBehind();
    for (const name of ['former', 'former-3']) world.api.put(secrets, secretAt(`a/${name}`, {}, ours));
    world.api.put(serviceAccounts, serviceAccountAt('a/both', ['former', PULL, 'mine', 'former-3']));
    expect(await world.cleanUp({ secretNames: [PULL, 'former'] })).toMatchObject({
      removed: { ServiceAccount: 5, Secret: 8 },
      left: [],
    });
    expect(world.list('a/both')).toEqual(['mine']);
  });

  it('leaves a namespace alone that is on its way out', async () => {
    world.leaveBehind();
    world.api.put(resources.namespaces, { ...namespaceNamed('b'), status: { phase: 'Terminating' } });
    expect(await world.cleanUp()).toMatchObject({ removed: { ServiceAccount: 2, Secret: 4 }, left: [] });
    expect(world.list('b/default')).toEqual([PULL]);
  });

  it('works without its own namespace', async () => {
    world.leaveBehind();
    world.api.intercept = ({ verb, resource }) => {
      if (verb === 'apply' && resource === 'leases') throw refusal(404, 'NotFound');
    };
    expect(await world.cleanUp()).toMatchObject({ left: [], liveness: 'Dead' });
  });

  it('does not delete a Secret that took the place of the one it found', async () => {
    world.api.put(secrets, secretAt(`a/${PULL}`, {}, { ...ours, uid: 'old' }));
    let isReplaced = false;
    world.api.intercept = ({ verb, resource }) => {
      if (verb !== 'delete' || resource !== 'secrets' || isReplaced) return;
      isReplaced = true;
      world.api.remove(secrets, refAt(`a/${PULL}`));
      world.api.put(secrets, secretAt(`a/${PULL}`, {}, { uid: 'new' }));
    };
    expect(await world.cleanUp()).toMatchObject({ removed: { Secret: 0 }, left: [] });
    expect(world.api.read(secrets, refAt(`a/${PULL}`))?.metadata.uid).toBe('new');
  });

  it('detaches again what a webhook that still answers put back', async () => {
    world.leaveBehind();
    let patches = 0;
    world.api.admit = (object) =>
      object.metadata.name === 'default' && ++patches <= 3 ? { ...object, imagePullSecrets: [{ name: PULL }] } : object;
    expect(await world.cleanUp()).toMatchObject({ removed: { ServiceAccount: 4 }, left: [] });
    expect([world.list('a/default'), world.list('b/default')]).toEqual([undefined, undefined]);
  });
});

describe('cleaning up in some namespaces alone', () => {
  it('leaves nothing in those and of its own, and asks for nothing in the whole cluster or in another namespace', async () => {
    world.leaveBehind();
    const { removed, left } = await world.cleanUp({ namespaces: ['a', 'none'] });
    expect([removed, left]).toEqual([{ MutatingWebhookConfiguration: 0, ServiceAccount: 2, Secret: 4 }, []]);
    expect([world.list('a/app'), world.list('b/app')]).toEqual([
      ['mine', 'too'],
      ['mine', PULL, 'too', `${PULL}-2`],
    ]);
    expect(world.lease).toBeUndefined();
    const scopes = world.api.calls.map(({ verb, key }) => (verb === 'list' ? key : key.split('/')[0]));
    expect(new Set(scopes)).toEqual(new Set(['acr', 'a', 'none']));
  });

  it('leaves alone what is on its way out', async () => {
    world.leaveBehind();
    world.api.put(resources.namespaces, namespaceNamed('a', { deletionTimestamp: '2026-01-01T00:00:00Z' }));
    expect(await world.cleanUp({ namespaces: ['a', 'b'] })).toMatchObject({ left: [], removed: { ServiceAccount: 2 } });
    expect(world.list('a/default')).toEqual([PULL]);
  });

  it('names the namespaces that it may not look into, after all others', async () => {
    world.leaveBehind();
    world.api.intercept = ({ key, resource }) => {
      if (resource === 'namespaces' && key === 'a') throw refusal(403, 'Forbidden');
    };
    expect(await world.cleanUp({ namespaces: ['a', 'b'] })).toMatchObject({
      left: ['Namespace a'],
      removed: { ServiceAccount: 2, Secret: 4 },
    });
  });

  it('looks into the others where one cannot be looked into, and again into that one', async () => {
    world.leaveBehind();
    const mendedAt = world.clock.now() + 60_000;
    world.api.intercept = ({ verb, key, resource }) => {
      const isSick = verb === 'list' && resource === 'secrets' && key === 'a';
      if (isSick && world.clock.now() < mendedAt) throw refusal(500, 'InternalError');
    };
    const running = world.cleanUp({ namespaces: ['a', 'b'] });
    await world.clock.sleep(20_000);
    expect([world.list('b/app'), world.list('a/app')]).toEqual([
      ['mine', 'too'],
      ['mine', PULL, 'too', `${PULL}-2`],
    ]);
    expect(await running).toMatchObject({ left: [], removed: { ServiceAccount: 4, Secret: 6 } });
  });
});
