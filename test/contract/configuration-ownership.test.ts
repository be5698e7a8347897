import { describe, expect, it } from 'vitest';
import type { Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ChangeRecorder } from './change-recorder.ts';
import { eventually } from './eventually.ts';
import { loginsOf, PULL_SECRET } from './pull-secret-check.ts';
import { INSTANCE, PROMISED_MS, useTestBed } from './test-bed.ts';
import { serviceAccount } from './workloads.ts';

const within = { withinMs: PROMISED_MS };
const demo = `- instanceId: ${INSTANCE.instanceId}\n  regionId: ${INSTANCE.regionId}\n`;
const tenant = { accessKeyId: 'LTAI5tTenantAAAAAA', accessKeySecret: 'tenant-a-secret-0000000000' };
const theirs = `  customAccessKey: ${tenant.accessKeyId}\n  customAccessKeySecret: ${tenant.accessKeySecret}\n`;
const dead = '- instanceId: cri-nosuch\n  regionId: cn-beijing\n  domains: nosuch.example.com\n';
const shared = (rest: string) =>
  `- instanceId: cri-shared\n  regionId: cn-beijing\n  domains: shared.example.com\n${rest}`;

describe('whose token a namespace gets', () => {
  const bed = useTestBed();

  /** The AccessKey that the login for the domain was asked for with. */
  function keyIn(secret: Secret | undefined, domain: string): string | undefined {
    const login = secret && loginsOf(secret)[domain];
    return login && bed.cloud.liveToken(login.username, login.password)?.accessKeyId;
  }
  const holds = async (namespace: string, key: string | undefined) =>
    keyIn(await bed.pullSecret(namespace), 'shared.example.com') === key;

  async function beginWith(namespace: string): Promise<string> {
    bed.cloud.addInstance({ instanceId: 'cri-shared', regionId: 'cn-beijing', name: 'shared' });
    bed.cloud.addAccount(tenant);
    const entry = shared(`  namespaces: ${namespace}\n${theirs}`);
    await bed.configure({ 'acr-registry-info': demo + entry });
    await eventually(() => holds(namespace, tenant.accessKeyId), within);
    return entry;
  }

  it('is nobody else’s when its entry takes over the key of another', async () => {
    const [one, two] = [await bed.servedNamespace(), await bed.servedNamespace()];
    const entry = await beginWith(one);
    await using secrets = await ChangeRecorder.start<Secret>(bed.client, resources.secrets, { namespace: two });
    await bed.configure({ 'acr-registry-info': demo + shared('') + entry });
    await eventually(() => holds(two, 'LTAI5tContractSuite'), within);
    const seen = secrets.of(`${two}/${PULL_SECRET}`).map(({ object }) => keyIn(object, 'shared.example.com'));
    expect(seen).not.toContain(tenant.accessKeyId);
  });

  it('is none of another tenant when the entry becomes somebody’s who has no AccessKey yet', async () => {
    const [one, two] = [await bed.servedNamespace(), await bed.servedNamespace()];
    await beginWith(one);
    await using secrets = await ChangeRecorder.start<Secret>(bed.client, resources.secrets, { namespace: two });
    await bed.configure({
      'acr-registry-info': demo + shared(`  namespaces: ${two}\n  customAccessKeySecretRef: b\n`),
    });
    await eventually(() => holds(one, undefined), within);
    await eventually(
      async () =>
        (await bed.service.metric('credential_refreshes_total', {
          registry: 'cri-shared',
          result: 'AccessKeyMissing',
        })) >= 3,
      { withinMs: 30_000 },
    );
    expect(secrets.of(`${two}/${PULL_SECRET}`).map(({ object }) => keyIn(object, 'shared.example.com'))).not.toContain(
      tenant.accessKeyId,
    );
    expect(await holds(two, undefined)).toBe(true);
  });

  it('stays when another account before it goes, though the cloud is away', async () => {
    const namespace = await bed.servedNamespace();
    bed.cloud.addAccount(tenant);
    await bed.configure({ 'acr-registry-info': shared('') + shared(theirs) });
    const second = () => bed.find<Secret>(resources.secrets, { namespace, name: `${PULL_SECRET}-2` });
    await eventually(async () => keyIn(await second(), 'shared.example.com') === tenant.accessKeyId, within);
    const mend = bed.cloud.faults.add({ kind: 'reset' });
    await bed.configure({ 'acr-registry-info': shared(theirs) });
    await eventually(() => holds(namespace, tenant.accessKeyId), within);
    await eventually(async () => (await second()) === undefined, within);
    mend();
    await bed.configure();
  });

  it('goes with the scope, whatever becomes of the other registries', async () => {
    const [one, two] = [await bed.servedNamespace(), await bed.servedNamespace()];
    const [domain = ''] = Object.keys(loginsOf(await bed.servedWithin(two)));
    await bed.configure({ 'acr-registry-info': `${demo}  namespaces: ${one}\n${dead}` });
    await eventually(async () => keyIn(await bed.pullSecret(two), domain) === undefined, within);
    await bed.configure();
  });
});

describe('extra-auths alone, as no registry ever gives a token', () => {
  const bed = useTestBed({ configuration: { 'acr-registry-info': dead, 'extra-auths': 'hub' } });
  const keep = (password: string) =>
    bed.user.apply<Secret>(resources.secrets, {
      metadata: { namespace: bed.ownNamespace, name: 'hub' },
      type: 'kubernetes.io/dockerconfigjson',
      data: {
        '.dockerconfigjson': btoa(JSON.stringify({ auths: { 'hub.example.com': { username: 'hub', password } } })),
      },
    });

  it('follow every edit, and the last one out leaves nothing', async () => {
    await keep('one');
    const namespace = await bed.namespace();
    const holds = async (password: string | undefined) => {
      const secret = await bed.pullSecret(namespace);
      return secret !== undefined && loginsOf(secret)['hub.example.com']?.password === password;
    };
    await eventually(() => holds('one'), { withinMs: 15_000 });
    await keep('two');
    await eventually(() => holds('two'), within);
    await bed.user.delete(resources.secrets, { namespace: bed.ownNamespace, name: 'hub' });
    await eventually(() => holds(undefined), within);
    await bed.user.delete(resources.secrets, { namespace, name: PULL_SECRET });
    await keep('three');
    await eventually(() => holds('three'), within);
  });
});

describe('under failure-policy Fail, a namespace that nothing is meant for but Secrets that are missing', () => {
  // Before 1.21 the policy is Ignore.
  const bed = useTestBed({ sandbox: { kubernetesVersion: { major: '1', minor: '30', gitVersion: 'v1.30.0' } } });

  it('is not held up', async () => {
    const [one, two] = [await bed.servedNamespace(), await bed.servedNamespace()];
    await bed.enforce({
      'acr-registry-info': `${demo}  namespaces: ${one}\n`,
      'extra-auths': 'missing',
      'webhook-configuration': 'enable: true\nfailure-policy: Fail\n',
    });
    const account = serviceAccount({ namespace: two, name: 'account' }, []);
    const isMade = () => bed.user.create(resources.serviceAccounts, account).then(() => true);
    await eventually(isMade, within);
  });
});
