import { describe, expect, it } from 'vitest';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from './eventually.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { PROMISED_MS, useTestBed } from './test-bed.ts';
import { uniqueName } from './unique-name.ts';
import { namesIn, pod, serviceAccount } from './workloads.ts';

describe.each([
  { webhook: 'on', 'webhook-configuration': 'enable: true' },
  { webhook: 'off', 'webhook-configuration': 'enable: false' },
])('which ServiceAccounts are served, with the webhook $webhook', ({ webhook, ...configuration }) => {
  const bed = useTestBed({ configuration: { ...configuration, 'service-account': undefined } });

  /** A served namespace with two ServiceAccounts beside `default`, both there before the namespace counts as served. */
  async function namespaceWithAccounts(): Promise<string> {
    const namespace = await bed.namespace();
    for (const name of ['builder', 'runner']) {
      await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name }, ['mine']));
    }
    await bed.servedWithin(namespace);
    return namespace;
  }

  async function expectServed(namespace: string, served: readonly string[], withinMs = PROMISED_MS): Promise<void> {
    const expected = Object.fromEntries(
      ['default', 'builder', 'runner'].map((name) => {
        const own = name === 'default' ? [] : ['mine'];
        return [name, served.includes(name) ? [...own, PULL_SECRET] : own];
      }),
    );
    await eventually(
      async () => {
        const lists = Object.keys(expected).map(async (name) => [name, await bed.pullSecretsOf(namespace, name)]);
        expect(Object.fromEntries(await Promise.all(lists))).toEqual(expected);
        return true;
      },
      { withinMs },
    );
  }

  it('`default` alone, when the configuration names none', async () => {
    await expectServed(await namespaceWithAccounts(), ['default']);
  });

  it('the named ones, from the edit on, also where they are there already; the others lose what they got', async () => {
    const namespace = await namespaceWithAccounts();
    await expectServed(namespace, ['default']);
    await bed.configure({ 'service-account': 'builder, not-there-yet' });
    await expectServed(namespace, ['builder']);
    await bed.configure();
    await expectServed(namespace, ['default']);
  });

  it('every one with `*`, from the edit on', async () => {
    const namespace = await namespaceWithAccounts();
    await expectServed(namespace, ['default']);
    await bed.configure({ 'service-account': '*' });
    await expectServed(namespace, ['default', 'builder', 'runner']);
    await bed.configure();
    await expectServed(namespace, ['default']);
  });

  it('whoever names our Secret in a list of his own keeps that entry, if the configuration never selected it', async () => {
    const namespace = await bed.namespace();
    await bed.user.create(
      resources.serviceAccounts,
      serviceAccount({ namespace, name: 'builder' }, [PULL_SECRET, 'mine']),
    );
    const isServed = async () => (await bed.pullSecretsOf(namespace, 'default')).includes(PULL_SECRET);
    await eventually(isServed, { withinMs: PROMISED_MS });
    expect(await bed.pullSecretsOf(namespace, 'builder')).toEqual([PULL_SECRET, 'mine']);
  });

  it('none in a namespace that the configuration does not name, where no Secret comes to be either', async () => {
    const stranger = await bed.namespace(uniqueName('stranger'));
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace: stranger, name: 'builder' }));
    // What is done for this one would have been done for the stranger, too.
    await expectServed(await namespaceWithAccounts(), ['default']);
    expect(await bed.pullSecret(stranger)).toBeUndefined();
    expect(await bed.pullSecretsOf(stranger, 'default')).toEqual([]);
    expect(await bed.pullSecretsOf(stranger, 'builder')).toEqual([]);
  });

  it.runIf(webhook === 'on')('a Pod is served by the name of its ServiceAccount', async () => {
    const namespace = await namespaceWithAccounts();
    const own = { imagePullSecrets: [{ name: 'mine' }] };
    const nameless = await bed.user.create(resources.pods, pod({ namespace, name: 'nameless' }, own));
    const other = { ...own, serviceAccountName: 'builder' };
    const builders = await bed.user.create(resources.pods, pod({ namespace, name: 'builders' }, other));
    expect(namesIn(nameless.spec?.imagePullSecrets)).toEqual(['mine', PULL_SECRET]);
    expect(namesIn(builders.spec?.imagePullSecrets)).toEqual(['mine']);
  });
});
