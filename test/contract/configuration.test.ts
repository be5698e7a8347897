import { describe, expect, it } from 'vitest';
import type { KubeEvent, Secret, ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ChangeRecorder } from './change-recorder.ts';
import { eventually } from './eventually.ts';
import type { LogLine } from './service-process.ts';
import { loginsOf, PULL_SECRET } from './pull-secret-check.ts';
import { INSTANCE, PROMISED_MS, useTestBed } from './test-bed.ts';
import { namesIn, serviceAccount } from './workloads.ts';

const within = { withinMs: PROMISED_MS };

describe('an edit of the configuration', () => {
  const bed = useTestBed();
  const configMap = () => `${bed.ownNamespace}/acr-configuration`;

  /** Lines about the ConfigMap at level `error`, from the `from`th line of the log on. */
  function complaints(from: number): LogLine[] {
    return bed.service.logs.slice(from).filter((line) => line.level === 'error' && line.configMap === configMap());
  }

  it('takes Secret and entry from a namespace that it stops naming, and touches no other', async () => {
    const [leaving, staying] = [await bed.namespace(), await bed.namespace()];
    for (const namespace of [leaving, staying]) {
      await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'account' }, ['mine']));
      await bed.servedWithin(namespace);
      await eventually(async () => (await bed.pullSecretsOf(namespace, 'default')).includes(PULL_SECRET), within);
    }
    await using secrets = await ChangeRecorder.start<Secret>(bed.client, resources.secrets, { namespace: staying });
    await using accounts = await ChangeRecorder.start<ServiceAccount>(bed.client, resources.serviceAccounts, {
      namespace: staying,
    });
    const editedAt = Date.now();
    await bed.configure({ 'watch-namespace': staying });
    await eventually(async () => (await bed.pullSecret(leaving)) === undefined, within);
    expect(await bed.pullSecretsOf(leaving, 'account')).toEqual(['mine']);
    expect(await bed.pullSecretsOf(leaving, 'default')).toEqual([]);

    await bed.configure();
    await bed.servedWithin(leaving);
    await eventually(async () => (await bed.pullSecretsOf(leaving, 'account')).includes(PULL_SECRET), within);
    const marker = { metadata: { namespace: staying, name: 'marker' } };
    await secrets.caughtUpWith(await bed.user.create(resources.secrets, marker));
    await accounts.caughtUpWith(await bed.user.create(resources.serviceAccounts, marker));
    expect(secrets.of(`${staying}/${PULL_SECRET}`)).toHaveLength(0);
    // Before 1.24 Kubernetes itself comes back to a new ServiceAccount, to give it a token.
    const lists = accounts.of(`${staying}/account`).map(({ object }) => namesIn(object.imagePullSecrets));
    expect(lists).toEqual(lists.map(() => ['mine', PULL_SECRET]));
    const ofService = { resource: 'serviceaccounts', namespace: staying, userAgent: /^acr-credential-injector/ };
    const requests = bed.cluster.sandbox?.requests.writes(ofService) ?? [];
    expect(requests.filter(({ at }) => at >= editedAt)).toEqual([]);
  });

  it('that adds an instance adds its logins, and one that takes it away takes them', async () => {
    const namespace = await bed.servedNamespace();
    const domains = async () => Object.keys(loginsOf(await bed.servedWithin(namespace))).sort();
    const before = await domains();
    bed.cloud.addInstance({ instanceId: 'cri-second', regionId: 'cn-beijing', name: 'second' });
    const second = `- instanceId: cri-second\n  regionId: cn-beijing\n  domains: second.example.com\n`;
    await bed.configure({ 'acr-registry-info': `${bed.configuration['acr-registry-info'] ?? ''}${second}` });
    await eventually(async () => (await domains()).includes('second.example.com'), within);
    expect(await domains()).toEqual([...before, 'second.example.com']);
    await bed.configure();
    await eventually(async () => !(await domains()).includes('second.example.com'), within);
    expect(await domains()).toEqual(before);
    const calls = bed.cloud.calls.filter(({ action }) => action === 'GetAuthorizationToken');
    expect(calls.map(({ instanceId }) => instanceId).sort()).toEqual([INSTANCE.instanceId, 'cri-second']);
  });

  it('that is invalid is refused with every error at once, and what was in force before stays so', async () => {
    const seen = bed.service.logs.length;
    await bed.configure({
      'watch-namespace': 'Not_A_Name',
      'expiring-threshold': 'soon',
      'webhook-configuration': 'enable: true\nfailure-policy: Perhaps\ntimeout-seconds: 31\n',
    });
    await eventually(() => complaints(seen).length > 0, within);
    expect(complaints(seen)).toHaveLength(1);
    expect(complaints(seen)[0]).toMatchObject({
      keepsLastGood: true,
      problems: [
        expect.stringMatching(/^expiring-threshold line 1\b/) as string,
        expect.stringMatching(/^watch-namespace line 1\b/) as string,
        expect.stringMatching(/^webhook-configuration line 2\b/) as string,
        expect.stringMatching(/^webhook-configuration line 3\b/) as string,
      ],
    });
    expect(await bed.service.metric('config_valid')).toBe(0);
    const event = await eventually(async () => {
      const { items } = await bed.client.list<KubeEvent>(resources.events, { namespace: bed.ownNamespace });
      return items.find(({ reason }) => reason === 'InvalidConfiguration');
    }, within);
    expect(event).toMatchObject({ type: 'Warning', involvedObject: { kind: 'ConfigMap', name: 'acr-configuration' } });

    const namespace = await bed.namespace();
    const created = await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'account' }));
    expect(namesIn(created.imagePullSecrets)).toEqual([PULL_SECRET]);
    await bed.servedWithin(namespace);

    await bed.configure();
    await eventually(async () => (await bed.service.metric('config_valid')) === 1, within);
  });

  it('that deletes the ConfigMap counts as an invalid one: nothing is detached', async () => {
    const namespace = await bed.servedNamespace();
    const before = await bed.pullSecret(namespace);
    const seen = bed.service.logs.length;
    await bed.user.delete(resources.configMaps, { namespace: bed.ownNamespace, name: 'acr-configuration' });
    await eventually(() => complaints(seen).length === 1, within);
    expect(complaints(seen)[0]).toMatchObject({ keepsLastGood: true });

    const another = await bed.servedNamespace();
    expect(await bed.livePullSecret(another)).toBeDefined();
    expect(await bed.pullSecret(namespace)).toEqual(before);
    expect(await bed.service.probe('/readyz')).toBe(200);
    await bed.configure();
    await eventually(async () => (await bed.service.metric('config_valid')) === 1, within);
  });

  it('that was good is in force after a restart, whatever the ConfigMap says by then', async () => {
    await bed.service.kill();
    await bed.configure({ 'acr-registry-info': '- instanceId: [' });
    await bed.service.start();
    await bed.service.ready();
    await bed.servedNamespace();
    await bed.configure();
    await eventually(async () => (await bed.service.metric('config_valid')) === 1, within);
  });

  it('of another kind disturbs nobody', async () => {
    const namespace = await bed.servedNamespace();
    await using secrets = await ChangeRecorder.start<Secret>(bed.client, resources.secrets, { namespace });
    const [seen, calls] = [bed.service.logs.length, bed.tokenCalls];
    const ref = { namespace: bed.ownNamespace, name: 'acr-configuration' };
    await bed.user.merge(resources.configMaps, ref, { metadata: { labels: { team: 'platform' } } });
    await eventually(() => bed.service.logs.slice(seen).some((line) => line.configMap === configMap()), within);
    await bed.servedNamespace();
    await secrets.caughtUpWith(await bed.user.create(resources.secrets, { metadata: { namespace, name: 'marker' } }));
    expect(secrets.of(`${namespace}/${PULL_SECRET}`)).toHaveLength(0);
    expect(bed.tokenCalls).toBe(calls);
  });
});
