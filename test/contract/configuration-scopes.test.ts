import { describe, expect, it } from 'vitest';
import type { Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ChangeRecorder } from './change-recorder.ts';
import { eventually } from './eventually.ts';
import { loginsOf, PULL_SECRET } from './pull-secret-check.ts';
import { INSTANCE, PROMISED_MS, useTestBed } from './test-bed.ts';
import { uniqueName } from './unique-name.ts';
import { namesIn, pod, serviceAccount } from './workloads.ts';

const within = { withinMs: PROMISED_MS };
const demo = `- instanceId: ${INSTANCE.instanceId}\n  regionId: ${INSTANCE.regionId}\n`;

describe('excluded namespaces', () => {
  const bed = useTestBed();

  it('lose what they got from the edit on, whether they are named or meant by a glob, and get it back', async () => {
    const prefix = uniqueName('excluded');
    const [named, meant, staying] = [`${prefix}-x`, `${prefix}-tmp-1`, `${prefix}-y`];
    const watched = { 'watch-namespace': [named, meant, staying].join(',') };
    await bed.configure(watched);
    for (const namespace of [named, meant, staying]) {
      await bed.namespace(namespace);
      await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'account' }, ['mine']));
      await bed.servedWithin(namespace);
      await eventually(async () => (await bed.pullSecretsOf(namespace, 'account')).includes(PULL_SECRET), within);
    }
    await using secrets = await ChangeRecorder.start<Secret>(bed.client, resources.secrets, { namespace: staying });
    await bed.configure({ ...watched, 'exclude-namespace': `${named}, ${prefix}-tmp-*` });
    for (const namespace of [named, meant]) {
      await eventually(async () => (await bed.pullSecret(namespace)) === undefined, within);
      await eventually(async () => (await bed.pullSecretsOf(namespace, 'account')).join() === 'mine', within);
      const created = await bed.user.create(resources.pods, pod({ namespace, name: 'pod' }));
      expect(namesIn(created.spec?.imagePullSecrets)).not.toContain(PULL_SECRET);
    }
    await bed.configure(watched);
    for (const namespace of [named, meant]) await bed.servedWithin(namespace);
    expect(secrets.of(`${staying}/${PULL_SECRET}`)).toHaveLength(0);
  });
});

describe('registries for some namespaces only', () => {
  const bed = useTestBed({ tokenLifeMs: 600_000 });
  const second = (fields: string) =>
    `- instanceId: cri-second\n  regionId: cn-beijing\n  domains: second.example.com\n${fields}`;
  const image = { containers: [{ name: 'main', image: 'second.example.com/team/app:1' }] };

  async function domainsIn(namespace: string): Promise<string[]> {
    return Object.keys(loginsOf(await bed.servedWithin(namespace))).sort();
  }

  it('are pulled from in these alone, follow an edit, and are no matter of the others', async () => {
    bed.cloud.addInstance({ instanceId: 'cri-second', regionId: 'cn-beijing', name: 'second' });
    const [one, two, other] = [await bed.servedNamespace(), await bed.servedNamespace(), await bed.servedNamespace()];
    const common = await domainsIn(other);
    await using secrets = await ChangeRecorder.start<Secret>(bed.client, resources.secrets, { namespace: other });

    await bed.configure({ 'acr-registry-info': demo + second(`  namespaces: ${one}\n`) });
    await eventually(async () => (await domainsIn(one)).includes('second.example.com'), within);
    expect(await domainsIn(two)).toEqual(common);
    const inOne = await bed.user.create(resources.pods, pod({ namespace: one, name: 'pod' }, image));
    expect(namesIn(inOne.spec?.imagePullSecrets)).toContain(PULL_SECRET);

    await bed.configure({ 'acr-registry-info': demo + second(`  namespaces: ${two}\n`) });
    await eventually(async () => (await domainsIn(two)).includes('second.example.com'), within);
    await eventually(async () => !(await domainsIn(one)).includes('second.example.com'), within);
    expect(await domainsIn(one)).toEqual(common);
    await bed.configure();
    await eventually(async () => (await domainsIn(two)).join() === common.join(), within);
    expect(secrets.of(`${other}/${PULL_SECRET}`)).toHaveLength(0);
  });

  it('make a namespace that gets none of them no target: what was there goes', async () => {
    const [kept, left] = [await bed.servedNamespace(), await bed.servedNamespace()];
    await bed.configure({ 'acr-registry-info': `${demo}  namespaces: ${kept}\n` });
    await eventually(async () => (await bed.pullSecret(left)) === undefined, within);
    await eventually(async () => (await bed.pullSecretsOf(left, 'default')).length === 0, within);
    expect(await bed.livePullSecret(kept)).toBeDefined();
    await bed.configure();
    await bed.servedWithin(left);
  });

  it('are renewed without a write where they are not meant', async () => {
    const [one, other] = [await bed.servedNamespace(), await bed.servedNamespace()];
    await bed.configure({ 'acr-registry-info': demo + second(`  namespaces: ${one}\n`) });
    await eventually(async () => (await domainsIn(one)).includes('second.example.com'), within);
    await using secrets = await ChangeRecorder.start<Secret>(bed.client, resources.secrets, {
      fieldSelector: `metadata.name=${PULL_SECRET}`,
    });
    // Another account's key is another question, for this registry alone.
    const pair = { accessKeyId: 'LTAI5tSecondAccount', accessKeySecret: 'second-account-secret-000000' };
    bed.cloud.addAccount(pair);
    const identity = `  customAccessKey: ${pair.accessKeyId}\n  customAccessKeySecret: ${pair.accessKeySecret}\n`;
    await bed.configure({ 'acr-registry-info': demo + second(`  namespaces: ${one}\n${identity}`) });
    await eventually(() => secrets.of(`${one}/${PULL_SECRET}`).length > 0, within);
    await bed.servedNamespace();
    expect(secrets.of(`${one}/${PULL_SECRET}`)).toHaveLength(1);
    expect(secrets.of(`${other}/${PULL_SECRET}`)).toHaveLength(0);
    const { password } = loginsOf(await bed.servedWithin(one))['second.example.com']!;
    expect(bed.cloud.liveToken('cr_temp_user', password)?.accessKeyId).toBe(pair.accessKeyId);
    await bed.configure();
  });
});
