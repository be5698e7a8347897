import { describe, expect, it } from 'vitest';
import type { KubeEvent, Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ChangeRecorder } from './change-recorder.ts';
import { isSandbox } from './cluster-under-test.ts';
import { eventually } from './eventually.ts';
import { loginsOf, PULL_SECRET } from './pull-secret-check.ts';
import { PROMISED_MS, useTestBed } from './test-bed.ts';
import { namesIn, serviceAccount } from './workloads.ts';

const within = { withinMs: PROMISED_MS };
const kind = resources.secrets;

describe('the pull Secret of a namespace', () => {
  const bed = useTestBed();

  it('has the login of every domain of the instance, and says whose it is and how long it lives', async () => {
    const namespace = await bed.namespace();
    const secret = await bed.servedWithin(namespace);
    const domains = ['demo-registry-vpc.cn-hangzhou.cr.aliyuncs.com', 'demo-registry.cn-hangzhou.cr.aliyuncs.com'];
    expect(Object.keys(loginsOf(secret)).sort()).toEqual(domains);
    expect(secret.metadata.labels).toMatchObject({ 'app.kubernetes.io/managed-by': 'acr-credential-injector' });
    const expiresAt = Date.parse(secret.metadata.annotations?.['acr-credential-injector/expires-at'] ?? '');
    expect(expiresAt).toBe(bed.cloud.issuedTokens.at(-1)?.expiresAt);
  });

  it.each<[string, (secret: Secret) => object]>([
    ['has its data replaced', () => ({ data: { '.dockerconfigjson': btoa('{"auths":{}}') } })],
    ['has a login added', ({ data }) => ({ data: { '.dockerconfigjson': withLogin(data?.['.dockerconfigjson']) } })],
    ['loses the label that says whose it is', () => ({ metadata: { labels: null } })],
  ])('is restored as the same object when it %s', async (_what, edit) => {
    const namespace = await bed.namespace();
    const before = await bed.servedWithin(namespace);
    const ref = { namespace, name: PULL_SECRET };
    await bed.user.merge(kind, ref, edit(before));
    await eventually(async () => {
      const { metadata, data } = await bed.client.get<Secret>(kind, ref);
      expect({ data, uid: metadata.uid, labels: metadata.labels }).toEqual({
        data: before.data,
        uid: before.metadata.uid,
        labels: before.metadata.labels,
      });
      return true;
    }, within);
  });

  it('keeps labels of others, which are no reason to write', async () => {
    const namespace = await bed.namespace();
    await bed.servedWithin(namespace);
    await using recorder = await ChangeRecorder.start<Secret>(bed.client, kind, { namespace });
    const ref = { namespace, name: PULL_SECRET };
    await bed.user.merge(kind, ref, { metadata: { labels: { team: 'platform' } } });
    // Another namespace is served after this one would have been.
    await bed.servedNamespace();
    await recorder.caughtUpWith(await bed.user.create(kind, { metadata: { namespace, name: 'marker' } }));
    expect(recorder.of(`${namespace}/${PULL_SECRET}`)).toHaveLength(1);
    expect((await bed.client.get<Secret>(kind, ref)).metadata.labels).toMatchObject({ team: 'platform' });
  });

  it('is made again when it is deleted, without a call of the cloud', async () => {
    const namespace = await bed.namespace();
    await bed.servedWithin(namespace);
    await bed.user.delete(kind, { namespace, name: PULL_SECRET });
    await bed.servedWithin(namespace);
    expect(bed.tokenCalls).toBe(1);
  });

  it('of a namespace that is deleted and made again is served again', async () => {
    const namespace = await bed.servedNamespace();
    await bed.user.delete(resources.namespaces, { name: namespace });
    await eventually(async () => (await bed.find(resources.namespaces, { name: namespace })) === undefined, {
      withinMs: 30_000,
    });
    await bed.namespace(namespace);
    await bed.servedWithin(namespace);
  });

  it('that somebody made before, of the same type, is adopted as the same object', async () => {
    const namespace = bed.nextTarget();
    await bed.enforce({ 'watch-namespace': 'nothing-yet' });
    await bed.namespace(namespace);
    const made = await bed.user.create<Secret>(kind, {
      metadata: { namespace, name: PULL_SECRET },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': btoa('{"auths":{}}') },
    });
    await bed.configure();
    const adopted = await bed.servedWithin(namespace);
    expect(adopted.metadata.uid).toBe(made.metadata.uid);
  });

  it('that is of another type is left alone, with an Event that says so; the namespace is served once it is gone', async () => {
    const namespace = bed.nextTarget();
    await bed.enforce({ 'watch-namespace': 'nothing-yet' });
    await bed.namespace(namespace);
    const ref = { namespace, name: PULL_SECRET };
    await bed.user.create<Secret>(kind, { metadata: ref, type: 'Opaque', data: { mine: btoa('mine') } });
    await bed.configure();

    const event = await eventually(async () => {
      const { items } = await bed.client.list<KubeEvent>(resources.events, { namespace });
      return items.find(
        ({ involvedObject, reason }) => involvedObject.name === PULL_SECRET && reason === 'ForeignPullSecret',
      );
    }, within);
    expect(event.type).toBe('Warning');
    const account = await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'account' }));
    expect(namesIn(account.imagePullSecrets)).toEqual([]);
    expect(await bed.client.get<Secret>(kind, ref)).toMatchObject({ type: 'Opaque', data: { mine: btoa('mine') } });

    await bed.user.delete(kind, ref);
    await bed.servedWithin(namespace);
    await eventually(async () => (await bed.pullSecretsOf(namespace, 'account')).includes(PULL_SECRET), within);
  });

  it('that is immutable is left alone', async () => {
    const namespace = await bed.namespace();
    const { metadata } = await bed.servedWithin(namespace);
    await bed.user.merge(kind, { namespace, name: PULL_SECRET }, { immutable: true });
    await eventually(async () => {
      const { items } = await bed.client.list<KubeEvent>(resources.events, { namespace });
      return items.some(({ reason }) => reason === 'ForeignPullSecret');
    }, within);
    expect((await bed.client.get<Secret>(kind, { namespace, name: PULL_SECRET })).metadata.uid).toBe(metadata.uid);
  });

  it.runIf(isSandbox)('is written by the admission that comes before any watch told of the namespace', async () => {
    const { faults, requests } = bed.cluster.sandbox!;
    await bed.enforce({ 'service-account': 'early' });
    const blind = faults.stallWatches({ resource: 'namespaces' });
    try {
      const namespace = await bed.namespace();
      const account = serviceAccount({ namespace, name: 'early' });
      const writes = () => requests.writes({ resource: 'secrets', namespace });
      const shown = await bed.user.create(resources.serviceAccounts, account, { dryRun: true });
      expect(namesIn(shown.imagePullSecrets)).toEqual([PULL_SECRET]);
      expect(writes()).toHaveLength(0);
      await bed.user.create(resources.serviceAccounts, account);
      expect(await bed.livePullSecret(namespace)).toBeDefined();
      expect(writes()).toHaveLength(1);
    } finally {
      blind.end();
      await bed.enforce();
    }
  });

  it.runIf(isSandbox)(
    'that a quota forbids keeps nothing else from working, and comes when the quota allows it',
    async () => {
      const namespace = bed.nextTarget();
      const quota = bed.cluster.sandbox!.faults.exceedQuota('secrets', namespace);
      try {
        await bed.namespace(namespace);
        const created = await bed.user.create(
          resources.serviceAccounts,
          serviceAccount({ namespace, name: 'account' }),
        );
        expect(namesIn(created.imagePullSecrets)).toEqual([PULL_SECRET]);
        expect(bed.user.warnings.at(-1)).toContain(PULL_SECRET);
        await bed.servedNamespace();
      } finally {
        quota.end();
      }
      await bed.servedWithin(namespace, 10_000);
    },
  );
});

function withLogin(data = ''): string {
  const config = JSON.parse(Buffer.from(data, 'base64').toString()) as { auths: object };
  const added = { ...config.auths, 'registry.example.com': { auth: btoa('a:b') } };
  return btoa(JSON.stringify({ auths: added }));
}
