import { describe, expect, it } from 'vitest';
import type { KubeEvent, MutatingWebhookConfiguration } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import type { SandboxOptions } from '../sandbox/api-server/sandbox-api-server.ts';
import { isSandbox } from './cluster-under-test.ts';
import { eventually } from './eventually.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { PROMISED_MS, REGISTRATION, useTestBed } from './test-bed.ts';
import { namesIn, pod, serviceAccount } from './workloads.ts';

// From 1.21 on a selector can tell namespaces by name; before it nothing may be registered with `Fail`.
const servers: { server: string; sandbox?: SandboxOptions }[] = isSandbox
  ? ['20', '29'].map((minor) => ({ server: `1.${minor}`, sandbox: { kubernetesVersion: version(minor) } }))
  : [{ server: 'whatever version' }];

describe.each(servers)('while there is no credential, on a server of $server', ({ sandbox }) => {
  const bed = useTestBed({ credentials: false, sandbox });

  async function canDeny(): Promise<boolean> {
    return parseInt((await bed.client.version()).minor, 10) >= 21;
  }

  async function use(policy: 'Ignore' | 'Fail'): Promise<void> {
    await bed.configure({ 'webhook-configuration': `enable: true\nfailure-policy: ${policy}\n` });
    const registered = (await canDeny()) ? policy : 'Ignore';
    await eventually(
      async () => {
        const { webhooks = [] } = await bed.client.get<MutatingWebhookConfiguration>(
          resources.mutatingWebhookConfigurations,
          { name: REGISTRATION },
        );
        const creating = webhooks.filter(({ name }) => /-create\b/.test(name));
        return creating.length > 0 && creating.every(({ failurePolicy }) => failurePolicy === registered);
      },
      { withinMs: PROMISED_MS },
    );
  }

  it('`Ignore` lets a ServiceAccount and a Pod through with the reference and a warning', async () => {
    await use('Ignore');
    const namespace = await bed.namespace();
    const account = await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'ignored' }));
    const own = { serviceAccountName: 'ignored' };
    const created = await bed.user.create(resources.pods, pod({ namespace, name: 'ignored' }, own));
    expect(namesIn(account.imagePullSecrets)).toEqual([PULL_SECRET]);
    expect(namesIn(created.spec?.imagePullSecrets)).toEqual([PULL_SECRET]);
    expect(bed.user.warnings.join('\n')).toMatch(/token/);
    expect(await bed.pullSecret(namespace)).toBeUndefined();
  });

  it('`Fail` denies with a retry after a second where namespaces can be told by name, and is `Ignore` elsewhere', async () => {
    await use('Fail');
    const namespace = await bed.namespace();
    const create = () => bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'failing' }));
    if (await canDeny()) await expect(create()).rejects.toMatchObject({ status: 503, retryAfterMs: 1_000 });
    else expect(namesIn((await create()).imagePullSecrets)).toEqual([PULL_SECRET]);
  });

  it('`Fail` lets through what is not to be served, and every UPDATE of a ServiceAccount', async () => {
    await use('Ignore');
    const namespace = await bed.namespace();
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'old' }));
    await use('Fail');
    const updated = await bed.user.replace(resources.serviceAccounts, serviceAccount({ namespace, name: 'old' }));
    expect(namesIn(updated.imagePullSecrets)).toEqual([PULL_SECRET]);
    const labels = { 'acr-credential-injector/inject': 'false' };
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'opted-out', labels }));
  });

  it('says that the policy is not as configured where it cannot be', async () => {
    await use('Fail');
    const isWarned = async () => {
      const { items } = await bed.client.list<KubeEvent>(resources.events, { namespace: bed.ownNamespace });
      const isLogged = bed.service.logs.some(({ level, serverMinor }) => level === 'warn' && serverMinor === 20);
      return isLogged && items.some(({ type, reason }) => type === 'Warning' && reason === 'FailurePolicyLowered');
    };
    if (await canDeny()) expect(await isWarned()).toBe(false);
    else await eventually(isWarned, { withinMs: PROMISED_MS });
  });

  it('serves everything as soon as there are credentials', async () => {
    const namespace = await bed.namespace();
    await bed.giveCredentials();
    await bed.servedWithin(namespace);
    const created = await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'served' }));
    expect(namesIn(created.imagePullSecrets)).toEqual([PULL_SECRET]);
  });
});

function version(minor: string) {
  return { major: '1', minor, gitVersion: `v1.${minor}.0` };
}
