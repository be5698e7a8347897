import { describe, expect, it } from 'vitest';
import { CA_SECRET_NAME } from '../../src/certificates/ca-secret.ts';
import type { KubeObject, Secret, ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { OPT_OUT_LABEL } from '../../src/targets/target-selector.ts';
import { ChangeRecorder } from './change-recorder.ts';
import { eventually } from './eventually.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { PROMISED_MS, REGISTRATION, useTestBed } from './test-bed.ts';
import { namesIn, serviceAccount } from './workloads.ts';

const within = { withinMs: PROMISED_MS };

/** So many ServiceAccounts are patched at once, and one by the reconciliation of their namespace. */
const UNDER_WAY = 17;

describe('the annotation that pauses everything', () => {
  const bed = useTestBed();
  const isRegistered = async () =>
    (await bed.find(resources.mutatingWebhookConfigurations, { name: REGISTRATION })) !== undefined;

  async function annotate(value: string | null): Promise<void> {
    const ref = { namespace: bed.ownNamespace, name: 'acr-configuration' };
    const annotations = { 'acr-credential-injector/paused': value };
    await bed.user.merge(resources.configMaps, ref, { metadata: { annotations } });
  }

  it('takes the registration away and stops every write, until it goes', async () => {
    const namespace = await bed.servedNamespace();
    await annotate('true');
    await eventually(async () => !(await isRegistered()), within);
    await using secrets = await ChangeRecorder.start<Secret>(bed.client, resources.secrets);
    await using accounts = await ChangeRecorder.start(bed.client, resources.serviceAccounts);
    await using events = await ChangeRecorder.start<KubeObject>(bed.client, resources.events);

    // All that there would be something to do for.
    const fresh = await bed.namespace();
    const created = await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace: fresh, name: 'new' }));
    expect(namesIn(created.imagePullSecrets)).toEqual([]);
    await bed.user.delete(resources.secrets, { namespace, name: PULL_SECRET });
    bed.cloud.addInstance({ instanceId: 'cri-paused', regionId: 'cn-beijing', name: 'paused' });
    const info = `- instanceId: cri-paused\n  regionId: cn-beijing\n${bed.configuration['acr-registry-info'] ?? ''}`;
    await bed.configure({ 'acr-registry-info': info, 'no-such-key': 'a warning' });
    await eventually(() => bed.cloud.calls.some(({ instanceId }) => instanceId === 'cri-paused'), within);
    await eventually(async () => (await bed.service.metric('config_reloads_total')) >= 3, within);
    expect(await bed.pullSecret(fresh)).toBeUndefined();
    expect(secrets.changes.filter(({ type, object }) => type !== 'DELETED' && isOurs(object))).toEqual([]);
    expect(accounts.changes.filter(({ type, object }) => type === 'MODIFIED' && isOurs(object))).toEqual([]);
    expect(events.changes.filter(({ object }) => isOurs(object))).toEqual([]);
    expect(await bed.service.status()).toMatchObject({ paused: true });
    expect(await bed.service.probe('/readyz')).toBe(200);

    await annotate(null);
    await bed.servedWithin(fresh);
    await bed.servedWithin(namespace);
    await eventually(isRegistered, within);
    await eventually(async () => (await bed.pullSecretsOf(fresh, 'new')).includes(PULL_SECRET), within);
    const registries = (await bed.service.status()).registries.map(({ key, expiresAt }) => [key, expiresAt !== null]);
    expect(registries).toEqual([
      ['cri-paused', true],
      ['cri-demo', true],
    ]);
    await bed.configure();
  });

  it('stops what is under way: a namespace that was opted out by mistake keeps what it still has', async () => {
    const namespace = await bed.servedNamespace();
    const names = Array.from({ length: 150 }, (_, index) => `account-${index}`);
    for (const name of names) await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name }));
    const attached = async (): Promise<number> => {
      const { items } = await bed.client.list<ServiceAccount>(resources.serviceAccounts, { namespace });
      return items.filter(({ imagePullSecrets }) => namesIn(imagePullSecrets).includes(PULL_SECRET)).length;
    };
    await eventually(async () => (await attached()) >= names.length, within);
    const label = (value: string | null) =>
      bed.user.merge(resources.namespaces, { name: namespace }, { metadata: { labels: { [OPT_OUT_LABEL]: value } } });
    await label('false');
    await eventually(async () => (await attached()) < names.length, within);
    await annotate('true');
    await eventually(async () => (await bed.service.status()).paused, within);
    const left = await attached();
    expect(left).toBeGreaterThan(0);
    // As many writes of somebody else, each after the other: time enough for the rest to be detached.
    for (const name of names) {
      await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: `later-${name}` }));
    }
    expect(await attached()).toBeGreaterThanOrEqual(left - UNDER_WAY);
    expect(await bed.pullSecret(namespace)).toBeDefined();
    await label(null);
    await annotate(null);
    await eventually(async () => (await attached()) >= names.length, within);
  });

  it('counts from a start on: the service is ready and writes nothing', async () => {
    await bed.service.kill();
    await annotate('true');
    const namespace = await bed.namespace();
    await bed.service.start();
    await bed.service.ready();
    await eventually(async () => !(await isRegistered()), within);
    expect(await bed.service.status()).toMatchObject({ paused: true });
    expect(await bed.pullSecret(namespace)).toBeUndefined();
    await annotate('false');
    await bed.servedWithin(namespace);
    await eventually(isRegistered, within);
  });

  it('counts for a CA that is missing at the start, too: that is made when the annotation goes', async () => {
    await bed.service.kill();
    await annotate('true');
    const own = { namespace: bed.ownNamespace };
    await bed.user.delete(resources.secrets, { ...own, name: CA_SECRET_NAME });
    await using secrets = await ChangeRecorder.start<Secret>(bed.client, resources.secrets, own);
    await bed.service.start();
    await bed.service.ready();
    expect(await bed.service.status()).toMatchObject({ paused: true });
    await eventually(async () => !(await isRegistered()), within);
    expect(secrets.changes).toEqual([]);
    await annotate(null);
    await eventually(isRegistered, within);
    await eventually(() => secrets.of(`${bed.ownNamespace}/${CA_SECRET_NAME}`).length > 0, within);
    expect(secrets.of(`${bed.ownNamespace}/${CA_SECRET_NAME}`)).toHaveLength(1);
    const namespace = await bed.servedNamespace();
    const created = await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'new' }));
    expect(namesIn(created.imagePullSecrets)).toEqual([PULL_SECRET]);
  });
});

/** Did the service write it? */
function isOurs({ metadata }: KubeObject): boolean {
  return metadata.managedFields?.some(({ manager }) => manager === 'acr-credential-injector') ?? false;
}
