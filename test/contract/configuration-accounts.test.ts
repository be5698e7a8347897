import { describe, expect, it } from 'vitest';
import type { Pod, Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ChangeRecorder } from './change-recorder.ts';
import { configEventSaying } from './config-events.ts';
import { eventually } from './eventually.ts';
import { loginsOf, PULL_SECRET } from './pull-secret-check.ts';
import { INSTANCE, PROMISED_MS, useTestBed } from './test-bed.ts';
import { MANAGED_IMAGE, namesIn, pod, serviceAccount } from './workloads.ts';

const within = { withinMs: PROMISED_MS };
const DOMAIN = MANAGED_IMAGE.slice(0, MANAGED_IMAGE.indexOf('/'));
const demo = `- instanceId: ${INSTANCE.instanceId}\n  regionId: ${INSTANCE.regionId}\n`;

describe('several accounts on one domain', () => {
  const bed = useTestBed();
  const nameOf = (number: number) => (number === 1 ? PULL_SECRET : `${PULL_SECRET}-${number}`);

  /** An account of its own, whose AccessKey is in a Secret of the own namespace. @returns that Secret's name. */
  async function account(number: number): Promise<string> {
    const name = `account-${number}`;
    const pair = { accessKeyId: `LTAI5tAccountNumber${number}`, accessKeySecret: `secret-of-account-number-${number}` };
    bed.cloud.addAccount(pair);
    await bed.user.apply<Secret>(resources.secrets, {
      metadata: { namespace: bed.ownNamespace, name },
      data: { 'access-key-id': btoa(pair.accessKeyId), 'access-key-secret': btoa(pair.accessKeySecret) },
    });
    return name;
  }

  async function entryOf(number: number): Promise<string> {
    return `${demo}  customAccessKeySecretRef: ${await account(number)}\n`;
  }

  /** Whose token the namespace's pull Secret of this number holds for the domain. */
  async function keyIn(namespace: string, number: number): Promise<string | undefined> {
    const secret = await bed.find<Secret>(resources.secrets, { namespace, name: nameOf(number) });
    const login = secret && loginsOf(secret)[DOMAIN];
    return login && bed.cloud.liveToken(login.username, login.password)?.accessKeyId;
  }

  it('have a pull Secret each, which ServiceAccounts and Pods refer to, old ones and new ones', async () => {
    const namespace = await bed.servedNamespace();
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'old' }, ['mine']));
    const lists = async () => bed.pullSecretsOf(namespace, 'old');
    await eventually(async () => (await lists()).includes(PULL_SECRET), within);
    await bed.configure({ 'acr-registry-info': demo + (await entryOf(2)) });
    await eventually(async () => (await keyIn(namespace, 2)) === 'LTAI5tAccountNumber2', within);
    await eventually(async () => (await lists()).includes(nameOf(2)), within);
    expect(await lists()).toEqual(['mine', nameOf(1), nameOf(2)]);

    const fresh = await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'new' }));
    expect(namesIn(fresh.imagePullSecrets)).toEqual([nameOf(1), nameOf(2)]);
    const own = { serviceAccountName: 'new', imagePullSecrets: [{ name: 'mine' }] };
    const created = await bed.user.create<Pod>(resources.pods, pod({ namespace, name: 'pod' }, own));
    expect(namesIn(created.spec?.imagePullSecrets)).toEqual(['mine', nameOf(1), nameOf(2)]);
  });

  it('are in both Secrets of a namespace before the first Pod in it is there', async () => {
    const namespace = await bed.namespace();
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'account' }));
    const own = { serviceAccountName: 'account' };
    const created = await bed.user.create<Pod>(resources.pods, pod({ namespace, name: 'pod' }, own));
    expect(namesIn(created.spec?.imagePullSecrets)).toEqual([nameOf(1), nameOf(2)]);
    expect(await keyIn(namespace, 1)).toBe('LTAI5tContractSuite');
    expect(await keyIn(namespace, 2)).toBe('LTAI5tAccountNumber2');
  });

  it('keep their order: an account in front takes the first Secret, which stays the same object', async () => {
    const namespace = await bed.servedNamespace();
    const uid = (await bed.pullSecret(namespace))?.metadata.uid;
    await bed.configure({ 'acr-registry-info': (await entryOf(2)) + demo });
    await eventually(async () => (await keyIn(namespace, 1)) === 'LTAI5tAccountNumber2', within);
    await eventually(async () => (await keyIn(namespace, 2)) === 'LTAI5tContractSuite', within);
    expect((await bed.pullSecret(namespace))?.metadata.uid).toBe(uid);
  });

  it('lose Secret and references again, and the first is not touched by that', async () => {
    const namespace = await bed.servedNamespace();
    await bed.configure({ 'acr-registry-info': demo + (await entryOf(2)) });
    await eventually(async () => (await keyIn(namespace, 2)) === 'LTAI5tAccountNumber2', within);
    const list = () => bed.pullSecretsOf(namespace, 'default');
    await eventually(async () => (await list()).includes(nameOf(2)), within);
    await eventually(async () => (await keyIn(namespace, 1)) === 'LTAI5tContractSuite', within);
    await using secrets = await ChangeRecorder.start<Secret>(bed.client, resources.secrets, { namespace });
    await bed.configure();
    await eventually(async () => (await keyIn(namespace, 2)) === undefined, within);
    await eventually(async () => (await list()).join() === nameOf(1), within);
    expect(secrets.of(`${namespace}/${nameOf(2)}`).map(({ type }) => type)).toEqual(['DELETED']);
    expect(secrets.of(`${namespace}/${nameOf(1)}`)).toHaveLength(0);
  });

  it('are five at most: a sixth is refused with its place, and what was in force stays', async () => {
    const namespace = await bed.servedNamespace();
    const entries = await Promise.all([2, 3, 4, 5, 6].map(entryOf));
    await bed.configure({ 'acr-registry-info': [demo, ...entries.slice(0, 4)].join('') });
    for (const number of [2, 3, 4, 5]) {
      await eventually(async () => (await keyIn(namespace, number)) === `LTAI5tAccountNumber${number}`, within);
    }
    await bed.configure({ 'acr-registry-info': [demo, ...entries].join('') });
    const event = await configEventSaying(bed, 'InvalidConfiguration', /account number 6/);
    expect(event.message).toContain('acr-registry-info line 15, column 3');
    expect(await keyIn(namespace, 5)).toBe('LTAI5tAccountNumber5');
    await bed.configure();
    await eventually(async () => (await keyIn(namespace, 5)) === undefined, within);
  });

  it('beyond the fifth, where only the instance’s own list of domains shows it, are left out with an Event', async () => {
    const namespace = await bed.servedNamespace();
    const named = await Promise.all([2, 3, 4, 5, 6].map(async (n) => `${await entryOf(n)}  domains: ${DOMAIN}\n`));
    await bed.configure({ 'acr-registry-info': [...named, demo].join('') });
    await configEventSaying(bed, 'TooManyAccounts', new RegExp(`cri-demo.* on ${DOMAIN}`));
    for (const number of [2, 3, 4, 5, 6]) {
      await eventually(async () => (await keyIn(namespace, number - 1)) === `LTAI5tAccountNumber${number}`, within);
    }
    await bed.configure();
    await eventually(async () => (await keyIn(namespace, 2)) === undefined, within);
  });

  it('follow an edit of the Secret that holds their AccessKey', async () => {
    const namespace = await bed.servedNamespace();
    await bed.configure({ 'acr-registry-info': demo + (await entryOf(2)) });
    await eventually(async () => (await keyIn(namespace, 2)) === 'LTAI5tAccountNumber2', within);
    const pair = bed.cloud.rotate('LTAI5tAccountNumber2');
    await bed.user.apply<Secret>(resources.secrets, {
      metadata: { namespace: bed.ownNamespace, name: 'account-2' },
      data: { 'access-key-id': btoa(pair.accessKeyId), 'access-key-secret': btoa(pair.accessKeySecret) },
    });
    await eventually(async () => (await keyIn(namespace, 2)) === pair.accessKeyId, within);
    expect(await keyIn(namespace, 1)).toBe('LTAI5tContractSuite');
    await bed.configure();
  });

  it('of which one fails leave the others as they are', async () => {
    const first = `${demo}  domains: ${DOMAIN}\n  customAccessKeySecretRef: missing\n`;
    const namespace = await bed.servedNamespace();
    await bed.configure({ 'acr-registry-info': `${first}${await entryOf(2)}` });
    // The place of the first account is kept for it.
    await eventually(async () => (await keyIn(namespace, 2)) === 'LTAI5tAccountNumber2', within);
    await bed.configure();
  });
});
