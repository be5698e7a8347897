import { describe, expect, it } from 'vitest';
import type { MutatingWebhook, MutatingWebhookConfiguration } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from './eventually.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { PROMISED_MS, REGISTRATION, useTestBed } from './test-bed.ts';
import { namesIn, serviceAccount } from './workloads.ts';

const kind = resources.mutatingWebhookConfigurations;
const ref = { name: REGISTRATION };
const within = { withinMs: PROMISED_MS };

describe('the webhook registration', () => {
  const bed = useTestBed();

  const registration = () => bed.find<MutatingWebhookConfiguration>(kind, ref);

  /** The entries once there is a registration that `holds` of. */
  function registered(holds: (webhooks: MutatingWebhook[]) => boolean): Promise<MutatingWebhook[]> {
    return eventually(async () => {
      const webhooks = (await registration())?.webhooks ?? [];
      return webhooks.length > 0 && holds(webhooks) && webhooks;
    }, within);
  }

  async function isAdmitting(): Promise<boolean> {
    const account = serviceAccount({ namespace: bed.ownNamespace, name: 'probe' });
    const target = { ...account, metadata: { ...account.metadata, namespace: served } };
    const shown = await bed.user.create(resources.serviceAccounts, target, { dryRun: true });
    return namesIn(shown.imagePullSecrets).includes(PULL_SECRET);
  }

  let served = '';

  it('leads to the service, with a bundle that verifies it, for ServiceAccounts and Pods', async () => {
    served = await bed.servedNamespace();
    const webhooks = await registered(() => true);
    const rules = webhooks.flatMap((each) => each.rules.map((rule) => `${rule.operations[0]} ${rule.resources[0]}`));
    expect(rules.sort()).toEqual(['CREATE pods', 'CREATE serviceaccounts', 'UPDATE serviceaccounts']);
    expect(new Set(webhooks.map((each) => each.clientConfig.url)).size).toBe(1);
    expect(webhooks.map((each) => each.sideEffects)).toEqual(webhooks.map(() => 'NoneOnDryRun'));
    expect(await isAdmitting()).toBe(true);
  });

  it('has the time limit of the configuration, from the edit on', async () => {
    await bed.configure({ 'webhook-configuration': 'enable: true\ntimeout-seconds: 7\n' });
    await registered((webhooks) => webhooks.every((each) => each.timeoutSeconds === 7));
    await bed.configure();
    await registered((webhooks) => webhooks.every((each) => each.timeoutSeconds === 10));
  });

  it.each<[string, (webhooks: MutatingWebhook[]) => MutatingWebhook[]]>([
    ['loses its entries', () => []],
    ['loses one of its entries', (webhooks) => webhooks.slice(1)],
    ['has its time limit changed', (webhooks) => webhooks.map((each) => ({ ...each, timeoutSeconds: 1 }))],
    ['has its policy changed', (webhooks) => webhooks.map((each) => ({ ...each, failurePolicy: 'Fail' }))],
    ['has its bundle emptied', (webhooks) => webhooks.map((each) => changed(each, { caBundle: '' }))],
    ['is sent elsewhere', (webhooks) => webhooks.map((each) => changed(each, { url: 'https://127.0.0.1:1/mutate' }))],
    ['is narrowed', (webhooks) => webhooks.map((each) => ({ ...each, objectSelector: { matchLabels: { a: 'b' } } }))],
    ['gets an entry too many', (webhooks) => [...webhooks, { ...webhooks[0]!, name: 'one.too.many' }]],
  ])('is repaired when it %s', async (_what, edit) => {
    const before = await registered(() => true);
    const stored = await bed.client.get<MutatingWebhookConfiguration>(kind, ref);
    await bed.user.replace(kind, { ...stored, webhooks: edit(before) });
    const after = await registered((webhooks) => JSON.stringify(webhooks) === JSON.stringify(before));
    expect(after).toEqual(before);
    expect(await isAdmitting()).toBe(true);
  });

  it('keeps labels and annotations that somebody else gave it', async () => {
    const given = { labels: { team: 'platform' }, annotations: { note: 'mine' } };
    await bed.user.merge(kind, ref, { metadata: given, webhooks: [] });
    await registered(() => true);
    expect((await registration())?.metadata).toMatchObject(given);
  });

  it('is made again when it is deleted', async () => {
    const before = (await registration())?.metadata.uid;
    await bed.user.delete(kind, ref);
    await eventually(async () => {
      const uid = (await registration())?.metadata.uid;
      return uid !== undefined && uid !== before;
    }, within);
    expect(await isAdmitting()).toBe(true);
  });

  it('goes when the configuration turns the webhook off, and comes back when it turns it on', async () => {
    await bed.configure({ 'webhook-configuration': 'enable: false' });
    await eventually(async () => (await registration()) === undefined, within);
    expect(await isAdmitting()).toBe(false);
    await bed.configure();
    await registered(() => true);
    expect(await isAdmitting()).toBe(true);
  });

  it('stays when the service is killed, and is kept by the next one', async () => {
    await bed.service.restart();
    await bed.service.ready();
    expect(await isAdmitting()).toBe(true);
  });
});

function changed(webhook: MutatingWebhook, client: MutatingWebhook['clientConfig']): MutatingWebhook {
  return { ...webhook, clientConfig: { ...webhook.clientConfig, ...client } };
}
