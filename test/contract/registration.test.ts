import { describe, expect, it } from 'vitest';
import type { MutatingWebhook, MutatingWebhookConfiguration } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from './eventually.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { PROMISED_MS, REGISTRATION, type TestBed, useTestBed } from './test-bed.ts';
import { namesIn, serviceAccount } from './workloads.ts';

const kind = resources.mutatingWebhookConfigurations;
const ref = { name: REGISTRATION };
const within = { withinMs: PROMISED_MS };

const registration = (bed: TestBed) => bed.find<MutatingWebhookConfiguration>(kind, ref);

/** The entries once there is a registration that `holds` of. */
function registered(bed: TestBed, holds: (webhooks: MutatingWebhook[]) => boolean): Promise<MutatingWebhook[]> {
  return eventually(async () => {
    const webhooks = (await registration(bed))?.webhooks ?? [];
    return webhooks.length > 0 && holds(webhooks) && webhooks;
  }, within);
}

/** Does a ServiceAccount that is created now, in a dry run, come to the service? */
async function isAdmitting(bed: TestBed): Promise<boolean> {
  const namespace = await bed.servedNamespace();
  const account = serviceAccount({ namespace, name: 'probe' });
  const shown = await bed.user.create(resources.serviceAccounts, account, { dryRun: true });
  return namesIn(shown.imagePullSecrets).includes(PULL_SECRET);
}

describe('the webhook registration', () => {
  const bed = useTestBed();

  it('leads to the service, with a bundle that verifies it, for ServiceAccounts and Pods', async () => {
    const webhooks = await registered(bed, () => true);
    const rules = webhooks.flatMap((each) => each.rules.map((rule) => `${rule.operations[0]} ${rule.resources[0]}`));
    // ServiceAccounts twice: the self-test has an entry of its own.
    const creations = ['CREATE pods', 'CREATE serviceaccounts', 'CREATE serviceaccounts'];
    expect(rules.sort()).toEqual([...creations, 'UPDATE serviceaccounts']);
    expect(new Set(webhooks.map((each) => each.clientConfig.url)).size).toBe(1);
    expect(webhooks.map((each) => each.sideEffects)).toEqual(webhooks.map(() => 'NoneOnDryRun'));
    expect(await isAdmitting(bed)).toBe(true);
  });

  it('has the time limit of the configuration, from the edit on, however often that is edited', async () => {
    for (const seconds of [7, 8, 9, 11, 12, 13, 14, 15]) {
      await bed.configure({ 'webhook-configuration': `enable: true\ntimeout-seconds: ${seconds}\n` });
      await registered(bed, (webhooks) => webhooks.every(({ timeoutSeconds }) => timeoutSeconds === seconds));
    }
    await bed.configure();
    await registered(bed, (webhooks) => webhooks.every(({ timeoutSeconds }) => timeoutSeconds === 10));
  });

  it('is made again when it is deleted', async () => {
    const before = (await registration(bed))?.metadata.uid;
    await bed.user.delete(kind, ref);
    await eventually(async () => {
      const uid = (await registration(bed))?.metadata.uid;
      return uid !== undefined && uid !== before;
    }, within);
    expect(await isAdmitting(bed)).toBe(true);
  });

  it('goes when the configuration turns the webhook off, and comes back when it turns it on', async () => {
    await bed.configure({ 'webhook-configuration': 'enable: false' });
    await eventually(async () => (await registration(bed)) === undefined, within);
    expect(await isAdmitting(bed)).toBe(false);
    await bed.configure();
    await registered(bed, () => true);
    expect(await isAdmitting(bed)).toBe(true);
  });

  it('stays when the service is killed, and is kept by the next one', async () => {
    await bed.service.restart();
    await bed.service.ready();
    expect(await isAdmitting(bed)).toBe(true);
  });
});

type Edit = [what: string, edit: (webhooks: MutatingWebhook[]) => MutatingWebhook[]];

const edits: Edit[] = [
  ['loses its entries', () => []],
  ['loses one of its entries', (webhooks) => webhooks.slice(1)],
  ['has its time limit changed', (webhooks) => webhooks.map((each) => ({ ...each, timeoutSeconds: 1 }))],
  ['has its policy changed', (webhooks) => webhooks.map((each) => ({ ...each, failurePolicy: 'Fail' }))],
  ['has its bundle emptied', (webhooks) => webhooks.map((each) => changed(each, { caBundle: '' }))],
  ['is sent elsewhere', (webhooks) => webhooks.map((each) => changed(each, { url: 'https://127.0.0.1:1/mutate' }))],
  ['is narrowed', (webhooks) => webhooks.map((each) => ({ ...each, objectSelector: { matchLabels: { a: 'b' } } }))],
  ['gets an entry too many', (webhooks) => [...webhooks, { ...webhooks[0]!, name: 'one.too.many' }]],
];
/** Who edits it much more often is left waiting, so each service sees only some of the edits. */
const EDITS_OF_ONE_SERVICE = 4;

describe.each([edits.slice(0, EDITS_OF_ONE_SERVICE), edits.slice(EDITS_OF_ONE_SERVICE)])(
  'the webhook registration that somebody edits',
  (...some) => {
    const bed = useTestBed();

    it.each(some)('is repaired when it %s', async (_what, edit) => {
      const before = await registered(bed, () => true);
      const stored = await bed.client.get<MutatingWebhookConfiguration>(kind, ref);
      await bed.user.replace(kind, { ...stored, webhooks: edit(before) });
      const after = await registered(bed, (webhooks) => JSON.stringify(webhooks) === JSON.stringify(before));
      expect(after).toEqual(before);
      expect(await isAdmitting(bed)).toBe(true);
    });

    it('keeps labels and annotations that somebody else gave it', async () => {
      const given = { labels: { team: 'platform' }, annotations: { note: 'mine' } };
      await bed.user.merge(kind, ref, { metadata: given, webhooks: [] });
      await registered(bed, () => true);
      expect((await registration(bed))?.metadata).toMatchObject(given);
    });

    it('is left for a while to somebody who undoes every repair, and who is named', async () => {
      const contested = () => bed.service.logs.find(({ level, managers }) => level === 'error' && managers);
      for (let round = 0; round < 10 && !contested(); round++) {
        await bed.user.merge(kind, ref, { webhooks: [] });
        await eventually(async () => contested() ?? (await registration(bed))?.webhooks?.length, within);
      }
      expect(contested()?.managers).toContain('somebody');
    });
  },
);

function changed(webhook: MutatingWebhook, client: MutatingWebhook['clientConfig']): MutatingWebhook {
  return { ...webhook, clientConfig: { ...webhook.clientConfig, ...client } };
}
