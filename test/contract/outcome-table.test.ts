import { beforeAll, describe, expect, it } from 'vitest';
import { KubeApiError } from '../../src/errors.ts';
import type { Pod, ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { isSandbox } from './cluster-under-test.ts';
import { eventually } from './eventually.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { useTestBed, type BedOptions, type TestBed } from './test-bed.ts';
import { uniqueName } from './unique-name.ts';
import { namesIn, pod, PUBLIC_IMAGE, serviceAccount } from './workloads.ts';

type Policy = 'Ignore' | 'Fail';
type Outcome = 'allowed' | 'patched' | 'patched, warning' | 'denied';

/** What a request is about; a Pod's ServiceAccount is one that has no list. */
interface Attempt {
  resource: 'pods' | 'serviceaccounts';
  operation?: 'CREATE' | 'UPDATE';
  dryRun?: boolean;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  /** The names in the object's own list. */
  list?: string[];
  image?: string;
}

interface Case extends Attempt {
  row: number;
  situation: string;
  Ignore: Outcome;
  Fail: Outcome;
}

const optedOut = { 'acr-credential-injector/inject': 'false' };
const mirrored = { 'kubernetes.io/config.mirror': 'x' };
const always = (outcome: Outcome) => ({ Ignore: outcome, Fail: outcome });
const byPolicy = { Ignore: 'patched, warning', Fail: 'denied' } as const;
const both = (each: Omit<Case, 'resource'>): Case[] => [
  { ...each, resource: 'serviceaccounts' },
  { ...each, resource: 'pods' },
];

/** In a namespace that is a target and whose Secret is there. */
const served: Case[] = [
  ...both({ row: 1, situation: 'an object that opted out', labels: optedOut, ...always('allowed') }),
  { row: 1, situation: 'a mirror Pod', resource: 'pods', annotations: mirrored, ...always('allowed') },
  ...both({ row: 2, situation: 'the reference there', list: ['mine', PULL_SECRET], ...always('allowed') }),
  { row: 2, situation: 'no managed image', resource: 'pods', image: PUBLIC_IMAGE, ...always('allowed') },
  {
    row: 3,
    situation: 'an UPDATE without the reference',
    resource: 'serviceaccounts',
    operation: 'UPDATE',
    ...always('patched'),
  },
  ...both({ row: 5, situation: 'a dry run', dryRun: true, ...always('patched') }),
  ...both({ row: 6, situation: 'a known Secret', ...always('patched') }),
  { row: 6, situation: "a ServiceAccount's own list", resource: 'serviceaccounts', list: ['a'], ...always('patched') },
  { row: 6, situation: "a Pod's own list", resource: 'pods', list: ['a', 'b'], ...always('patched, warning') },
];

/** In a namespace that is no target, has opted out, or whose Secret is somebody's. */
const passed: Case[] = [
  ...both({ row: 1, situation: 'an object like any other', ...always('allowed') }),
  { row: 1, situation: 'an UPDATE', resource: 'serviceaccounts', operation: 'UPDATE', ...always('allowed') },
];

const withoutCredential: Case[] = [
  ...both({ row: 1, situation: 'an object that opted out', labels: optedOut, ...always('allowed') }),
  ...both({ row: 2, situation: 'the reference there', list: [PULL_SECRET], ...always('allowed') }),
  { row: 2, situation: 'no managed image', resource: 'pods', image: PUBLIC_IMAGE, ...always('allowed') },
  { row: 3, situation: 'an UPDATE', resource: 'serviceaccounts', operation: 'UPDATE', ...always('patched') },
  ...both({ row: 4, situation: 'no live credential', ...byPolicy }),
  ...both({ row: 4, situation: 'no live credential, dry run', dryRun: true, ...byPolicy }),
];

/** While the API server answers no write of the namespace's Secret. */
const stalled: Case[] = [
  { row: 3, situation: 'an UPDATE', resource: 'serviceaccounts', operation: 'UPDATE', ...always('patched') },
  ...both({ row: 5, situation: 'a dry run', dryRun: true, ...always('patched') }),
  ...both({ row: 8, situation: 'a Secret that cannot be written in time', ...byPolicy }),
];

const ACCOUNT = 'without-list';

/** Somebody makes, or changes, what an attempt says; tells what became of it. */
async function outcomeOf(bed: TestBed, namespace: string, attempt: Attempt): Promise<Outcome> {
  const warned = bed.user.warnings.length;
  try {
    const list = namesIn(await listAfter(bed, namespace, attempt));
    const warnings = bed.user.warnings.slice(warned).filter((text) => /token|Secret/.test(text));
    expect(warnings.filter(({ length }) => length > 120)).toEqual([]);
    const { list: own = [] } = attempt;
    if (list.length > own.length) {
      expect(list).toEqual([...own, PULL_SECRET]);
      return warnings.length > 0 ? 'patched, warning' : 'patched';
    }
    expect([list, warnings]).toEqual([own, []]);
    return 'allowed';
  } catch (error) {
    if (!(error instanceof KubeApiError)) throw error;
    // What makes kubectl try again by itself.
    expect(error).toMatchObject({ status: 503, code: 'ServiceUnavailable', retryAfterMs: 1_000 });
    return 'denied';
  }
}

async function listAfter(bed: TestBed, namespace: string, attempt: Attempt) {
  const { resource, operation = 'CREATE', dryRun } = attempt;
  if (resource === 'serviceaccounts')
    return (await writeAccount(bed, namespace, { ...attempt, operation })).imagePullSecrets;
  const created = await bed.user.create<Pod>(resources.pods, podOf(namespace, attempt), { dryRun });
  return created.spec?.imagePullSecrets;
}

function podOf(namespace: string, { annotations, labels, list = [], image }: Attempt): Pod {
  const metadata = { namespace, name: uniqueName('pod'), ...(labels && { labels }) };
  const isMirror = annotations === mirrored;
  const made = pod(metadata, {
    ...(isMirror ? { nodeName: 'none' } : { serviceAccountName: ACCOUNT }),
    ...(list.length > 0 && { imagePullSecrets: list.map((name) => ({ name })) }),
    ...(image && { containers: [{ name: 'main', image }] }),
  });
  return { ...made, metadata: { ...metadata, ...(annotations && { annotations }) } };
}

async function writeAccount(bed: TestBed, namespace: string, attempt: Attempt): Promise<ServiceAccount> {
  const { operation, labels, list = [], dryRun } = attempt;
  if (operation === 'CREATE') {
    const metadata = { namespace, name: uniqueName('account'), ...(labels && { labels }) };
    return bed.user.create<ServiceAccount>(resources.serviceAccounts, serviceAccount(metadata, list), { dryRun });
  }
  // Nothing to be patched while it is opted out; the replacement is.
  return bed.user.replace<ServiceAccount>(resources.serviceAccounts, serviceAccount({ namespace, name: 'updated' }));
}

/** What attempts in a namespace need of it: ServiceAccounts that are there whatever the policy. */
async function prepare(bed: TestBed, namespace: string): Promise<string> {
  for (const name of [ACCOUNT, 'updated']) {
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name, labels: optedOut }));
  }
  return namespace;
}

describe.each<Policy>(['Ignore', 'Fail'])('under %s', (policy) => {
  const options: BedOptions = {
    configuration: { 'webhook-configuration': `enable: true\nfailure-policy: ${policy}\ntimeout-seconds: 5\n` },
    sandbox: { kubernetesVersion: { major: '1', minor: '29', gitVersion: 'v1.29.0' } },
  };

  /** Before 1.21 no selector tells namespaces by name, and `Fail` is registered as `Ignore`. */
  async function policyIn(bed: TestBed): Promise<Policy> {
    return parseInt((await bed.client.version()).minor, 10) >= 21 ? policy : 'Ignore';
  }

  async function expectRow(bed: TestBed, namespace: string, each: Case): Promise<void> {
    expect(await outcomeOf(bed, namespace, each)).toBe(each[await policyIn(bed)]);
  }

  describe('with a live credential', () => {
    const bed = useTestBed(options);
    let target = '';
    const others: Record<string, string> = {};

    beforeAll(async () => {
      target = await prepare(bed, await bed.servedNamespace());
      others['no target'] = await prepare(bed, await bed.namespace(uniqueName('elsewhere')));
      others['opted out'] = await prepare(bed, await bed.namespace(undefined, optedOut));
      others['with a foreign Secret'] = await prepare(bed, await namespaceWithForeignSecret());
    });

    async function namespaceWithForeignSecret(): Promise<string> {
      const namespace = await bed.namespace(undefined, optedOut);
      await bed.user.create(resources.secrets, { metadata: { namespace, name: PULL_SECRET } });
      // The service knows of it once it has put back another: API machinery alone would let it change the type of one that it does not know.
      await bed.user.delete(resources.secrets, { namespace: target, name: PULL_SECRET });
      await eventually(async () => (await bed.pullSecret(target)) !== undefined);
      const labels = { 'acr-credential-injector/inject': null };
      await bed.user.merge(resources.namespaces, { name: namespace }, { metadata: { labels } });
      await eventually(() => bed.service.logs.some((line) => line.namespace === namespace && line.level === 'warn'));
      return namespace;
    }

    it.each(served)('row $row, $resource, $situation', async (each) => {
      const writes = await bed.service.metric('pull_secret_writes_total');
      await expectRow(bed, target, each);
      expect(await bed.service.metric('pull_secret_writes_total')).toBe(writes);
    });

    describe.each(['no target', 'opted out', 'with a foreign Secret'])('in a namespace that is %s', (what) => {
      it.each(passed)('row $row, $resource, $situation', async (each) => {
        await expectRow(bed, others[what] ?? '', each);
        // On the way there may be others of the name, but none of ours.
        expect((await bed.pullSecret(others[what] ?? ''))?.type).not.toBe('kubernetes.io/dockerconfigjson');
      });
    });

    it('row 1, serviceaccounts, an UPDATE that lets a terminating namespace go', async ({ skip }) => {
      const namespace = await prepare(bed, await bed.servedNamespace());
      const metadata = { namespace, name: 'held', labels: optedOut, finalizers: ['example.com/held'] };
      await bed.user.create(resources.serviceAccounts, { metadata });
      await bed.user.delete(resources.namespaces, { name: namespace });
      const isGone = (await bed.find(resources.namespaces, { name: namespace })) === undefined;
      skip(isGone, 'this server has no namespaces that are on their way out');
      const released = await eventually(async () => {
        const held = await bed.find<ServiceAccount>(resources.serviceAccounts, { namespace, name: 'held' });
        if (!held?.metadata.deletionTimestamp) return undefined;
        const patch = { metadata: { finalizers: null, labels: null } };
        return bed.user.merge<ServiceAccount>(resources.serviceAccounts, { namespace, name: 'held' }, patch);
      });
      expect(released.imagePullSecrets).toBeUndefined();
    });

    it.each(both({ row: 7, situation: 'a Secret that is not known', ...always('patched') }))(
      'row $row, $resource, $situation, which is there when the answer is',
      async (each) => {
        const namespace = await prepare(bed, await bed.namespace());
        await expectRow(bed, namespace, each);
        expect(await bed.livePullSecret(namespace)).toBeDefined();
      },
    );

    it.runIf(isSandbox)('row 7, serviceaccounts, two hundred at once cost one write', async () => {
      const { requests } = bed.cluster.sandbox!;
      const namespace = await bed.namespace();
      const attempts = Array.from({ length: 200 }, () => outcomeOf(bed, namespace, { resource: 'serviceaccounts' }));
      expect(new Set(await Promise.all(attempts))).toEqual(new Set(['patched']));
      expect(requests.writes({ resource: 'secrets', namespace })).toHaveLength(1);
    });

    it.runIf(isSandbox).each(both({ row: 7, situation: 'an exceeded quota', ...always('patched, warning') }))(
      'row $row, $resource, $situation denies nothing',
      async (each) => {
        const namespace = bed.nextTarget();
        const quota = bed.cluster.sandbox!.faults.exceedQuota('secrets', namespace);
        await prepare(bed, await bed.namespace(namespace));
        await expectRow(bed, namespace, each);
        quota.end();
      },
    );

    it.runIf(isSandbox)('row 8, and what comes before it, while no Secret can be written', async () => {
      const { faults } = bed.cluster.sandbox!;
      const namespace = bed.nextTarget();
      const stall = faults.delay({ verb: 'patch', resource: 'secrets', namespace }, 60_000);
      await prepare(bed, await bed.namespace(namespace));
      await Promise.all(stalled.map((each) => expectRow(bed, namespace, each)));
      stall.end();
    });
  });

  describe('without a credential', () => {
    const bed = useTestBed({ ...options, credentials: false });
    let target = '';
    beforeAll(async () => {
      target = await prepare(bed, await bed.namespace());
    });

    it.each(withoutCredential)('row $row, $resource, $situation', async (each) => {
      await expectRow(bed, target, each);
      expect(await bed.pullSecret(target)).toBeUndefined();
    });
  });
});
