import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import type { Lease, Secret } from '../../src/kube/objects.ts';
import { keyOf } from '../../src/kube/object-map.ts';
import { resources } from '../../src/kube/resources.ts';
import { ChangeRecorder, type Change } from './change-recorder.ts';
import { eventually } from './eventually.ts';
import { isLive, PULL_SECRET } from './pull-secret-check.ts';
import { ReplicaSet } from './replica-set.ts';
import { runAtOnce } from './run-at-once.ts';
import type { ServiceProcess } from './service-process.ts';
import { useTestBed } from './test-bed.ts';
import { namesIn, serviceAccount } from './workloads.ts';

/** More than the service writes at once. */
const NAMESPACES = 100;
const DRAIN_MS = 3_000;
const GENERATION = 'acr-credential-injector/generation';
const fieldSelector = `metadata.name=${PULL_SECRET}`;

describe('three replicas', { timeout: 120_000 }, () => {
  // Renewed after half of its life: every 12 s.
  const bed = useTestBed({ started: false, targetCount: NAMESPACES + 20, tokenLifeMs: 24_000 });
  let set: ReplicaSet;
  let namespaces: string[];

  beforeAll(async () => {
    namespaces = Array.from({ length: NAMESPACES }, () => bed.nextTarget());
    await runAtOnce(10, namespaces, (name) => bed.namespace(name));
    set = await ReplicaSet.start(bed, 3, { drain: `${DRAIN_MS}ms` });
    await eventually(async () => (await pullSecrets()).length === NAMESPACES, { withinMs: 30_000 });
  });
  afterAll(() => set[Symbol.asyncDispose]());
  beforeEach(() => {
    onTestFailed(() => {
      for (const { name, output } of set.replicas) console.error(`${name}:\n${output.slice(-3_000)}`);
    });
  });

  const pullSecrets = async () => (await bed.client.list<Secret>(resources.secrets, { fieldSelector })).items;
  const record = (onChange?: (change: Change<Secret>) => void) =>
    ChangeRecorder.start<Secret>(bed.client, resources.secrets, { fieldSelector, onChange });
  const leader = (withinMs = 20_000) => eventually(() => set.leader(), { withinMs });
  const lease = () =>
    bed.client.get<Lease>(resources.leases, { namespace: bed.ownNamespace, name: 'acr-credential-injector' });
  const othersThan = (one: ServiceProcess) => set.replicas.filter((replica) => replica !== one);

  /** How long it takes until one of the others says that it leads, in milliseconds. */
  async function successionOf(former: ServiceProcess, withinMs: number): Promise<number> {
    const startedAt = performance.now();
    await eventually(
      async () => {
        const leads = await Promise.all(othersThan(former).map((replica) => replica.metric('leader').catch(() => 0)));
        return leads.includes(1);
      },
      { withinMs },
    );
    return performance.now() - startedAt;
  }

  async function allRun(): Promise<void> {
    for (const replica of set.replicas) if (!replica.isRunning) await replica.start();
    await Promise.all(set.replicas.map((replica) => replica.ready()));
    await eventually(() => set.endpoints.length === 3);
  }

  it('agree on one of them, who is named in the Lease, in a metric and in /status', async () => {
    const one = await leader();
    expect((await lease()).spec).toMatchObject({ holderIdentity: one.name, leaseDurationSeconds: 10 });
    for (const replica of set.replicas) {
      expect((await replica.status()).leader).toEqual({ isSelf: replica === one, holder: one.name });
    }
  });

  it('all answer admission, and a namespace that is only just made is served by whomever', async () => {
    const before = await Promise.all(set.replicas.map((replica) => replica.metric('admission_requests_total')));
    for (let round = 0; round < 3; round++) {
      const namespace = await bed.namespace();
      // So many at once need connections of their own, which go to each in turn; the API server keeps those that it has.
      await Promise.all(
        Array.from({ length: 60 }, async (_, index) => {
          const account = serviceAccount({ namespace, name: `app-${index}` });
          const created = await bed.user.create(resources.serviceAccounts, account);
          expect(namesIn(created.imagePullSecrets)).toEqual([PULL_SECRET]);
        }),
      );
    }
    const after = await Promise.all(set.replicas.map((replica) => replica.metric('admission_requests_total')));
    for (const [index, count] of after.entries()) expect(count).toBeGreaterThan(before[index] ?? 0);
  });

  it('renew each token once, and write it once into each namespace', async () => {
    const calls = bed.tokenCalls;
    await using recorder = await record();
    await eventually(() => bed.tokenCalls >= calls + 2, { withinMs: 40_000 });
    await expectOneWritePerRenewal(recorder, 2);
    expect(bed.tokenCalls).toBeLessThanOrEqual(calls + 3);
  });

  it('hand over at once when the leader is asked to go, which serves on meanwhile', async () => {
    const former = await leader();
    await using recorder = await record();
    former.signal('SIGTERM');
    const tookMs = await successionOf(former, 2_000);
    expect(former.isRunning).toBe(true);
    const name = 'during-handover';
    const created = await bed.user.create(
      resources.serviceAccounts,
      serviceAccount({ namespace: namespaces[1] ?? '', name }),
    );
    expect(namesIn(created.imagePullSecrets)).toEqual([PULL_SECRET]);
    expect(await former.exited()).toEqual({ code: 0, signal: null });
    console.info(`handed over after ${Math.round(tookMs)} ms`);
    await expectOneWritePerRenewal(recorder, 1);
    await allRun();
  });

  it('have another leader within 15 s of a crash, and lose no token meanwhile', async () => {
    const former = await leader();
    await using recorder = await record();
    await former.kill();
    const tookMs = await successionOf(former, 15_000);
    console.info(`another led ${Math.round(tookMs)} ms after the crash`);
    await expectOneWritePerRenewal(recorder, 1);
    for (const secret of await pullSecrets()) expect(isLive(secret, bed.cloud)).toBe(true);
    await allRun();
  });

  it('that the Lease is taken from, again and again, begin anew each time and still write each token once', async () => {
    const ref = { namespace: bed.ownNamespace, name: 'acr-credential-injector' };
    for (let round = 0; round < 4; round++) {
      await leader();
      await bed.user.merge(resources.leases, ref, {
        spec: { holderIdentity: `rival-${round}`, leaseDurationSeconds: 1 },
      });
      await eventually(async () => (await set.leader()) === undefined);
    }
    await leader();
    await using recorder = await record();
    await expectOneWritePerRenewal(recorder, 1);
  });

  it('see nothing older written when a leader goes on that was stopped for 30 s in the middle of its writes', async () => {
    const former = await leader();
    const seen = new Set<string>();
    // The first change is that of a fan-out: the others are on their way, or about to be.
    await using recorder = await record(({ object }) => {
      if (seen.size === 0) former.signal('SIGSTOP');
      seen.add(keyOf(object));
    });
    await using tokens = await ChangeRecorder.start<Secret>(bed.client, resources.secrets, {
      namespace: bed.ownNamespace,
      fieldSelector: 'metadata.name=acr-credential-injector-tokens',
    });
    await eventually(() => seen.size > 0, { withinMs: 20_000 });
    const stoppedAt = performance.now();
    const successor = await eventually(
      async () => {
        const leads = await Promise.all(othersThan(former).map((replica) => replica.metric('leader')));
        return othersThan(former)[leads.indexOf(1)];
      },
      { withinMs: 20_000 },
    );
    const calls = bed.tokenCalls;
    await eventually(() => performance.now() - stoppedAt > 30_000, { withinMs: 60_000 });
    expect(bed.tokenCalls).toBeGreaterThan(calls);
    const writes = () => recorder.changes.length + tokens.changes.length;
    const writtenBefore = writes();
    former.signal('SIGCONT');
    await eventually(async () => (await former.metric('leader')) === 0);
    await eventually(() => writes() > writtenBefore + NAMESPACES, { withinMs: 20_000 });
    await expectOneWritePerRenewal(recorder, 2);
    for (const key of new Set(recorder.changes.map(({ object }) => keyOf(object))))
      expectNothingOlder(recorder.of(key));
    const states = tokens.changes.map(({ object }) => generationInTokens(object));
    expect(states).toEqual(states.toSorted((one, other) => one - other));
    expect(await set.leader()).toBe(successor);
    for (const secret of await pullSecrets()) expect(isLive(secret, bed.cloud)).toBe(true);
  });

  /** Waits for at least so many renewals to be written everywhere; no content may have been written twice. */
  async function expectOneWritePerRenewal(recorder: ChangeRecorder<Secret>, renewals: number): Promise<void> {
    const keys = namespaces.map((name) => `${name}/${PULL_SECRET}`);
    await eventually(() => keys.every((key) => recorder.of(key).length >= renewals), { withinMs: 40_000 });
    const twice = keys.filter((key) => {
      const contents = recorder.of(key).map(({ object }) => object.data?.['.dockerconfigjson']);
      return new Set(contents).size < contents.length;
    });
    expect(twice).toEqual([]);
  }
});

function expectNothingOlder(changes: readonly Change<Secret>[]): void {
  const generations = changes.map(({ object }) => Number(object.metadata.annotations?.[GENERATION]));
  expect(generations).toEqual(generations.toSorted((one, other) => one - other));
}

function generationInTokens({ data = {} }: Secret): number {
  const text = Buffer.from(data['state.json'] ?? '', 'base64').toString();
  return (JSON.parse(text) as { generation: number }).generation;
}
