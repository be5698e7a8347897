import { expect, it } from 'vitest';
import type { KubeEvent } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from '../contract/eventually.ts';
import { PULL_SECRET } from '../contract/pull-secret-check.ts';
import { useTestBed } from '../contract/test-bed.ts';
import { namesIn, serviceAccount } from '../contract/workloads.ts';

const bed = useTestBed({ configuration: { 'webhook-configuration': 'enable: true\ntimeout-seconds: 1\n' } });
/** What was created this long after the registration was written has passed by it for certain. */
const CERTAIN_MS = 7_000;

const missed = () => bed.service.metric('missed_injections_total', { resource: 'serviceaccounts' });
const create = async (namespace: string, name: string, labels?: Record<string, string>) =>
  namesIn(
    (await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name, labels }))).imagePullSecrets,
  );

it('ServiceAccounts that the API server could not ask about are counted, told of once, and attached', async () => {
  const startedAt = Date.now();
  const namespace = await bed.servedNamespace();
  expect(await create(namespace, 'asked')).toEqual([PULL_SECRET]);
  await eventually(() => Date.now() - startedAt > CERTAIN_MS, { withinMs: 2 * CERTAIN_MS });
  expect(await missed()).toBe(0);

  bed.service.signal('SIGSTOP');
  try {
    const labels = { 'acr-credential-injector/inject': 'false' };
    expect(await create(namespace, 'one')).toEqual([]);
    expect(await create(namespace, 'two')).toEqual([]);
    expect(await create(namespace, 'opted-out', labels)).toEqual([]);
  } finally {
    bed.service.signal('SIGCONT');
  }

  for (const name of ['one', 'two']) {
    await eventually(async () => (await bed.pullSecretsOf(namespace, name)).includes(PULL_SECRET));
  }
  expect(await missed()).toBe(2);
  expect(await create(namespace, 'asked-again')).toEqual([PULL_SECRET]);
  expect(await missed()).toBe(2);
  const { items } = await bed.client.list<KubeEvent>(resources.events, { namespace: 'default' });
  const told = items.filter(
    ({ reason, involvedObject }) => reason === 'MissedInjection' && involvedObject.name === namespace,
  );
  expect(told).toHaveLength(1);
});
