import { describe, expect, it } from 'vitest';
import type { MutatingWebhookConfiguration, Pod, PodSpec, Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { compareResourceVersions } from '../../src/kube/resource-version.ts';
import { ChangeRecorder } from '../contract/change-recorder.ts';
import { eventually } from '../contract/eventually.ts';
import { loginsOf, PULL_SECRET } from '../contract/pull-secret-check.ts';
import { INSTANCE, PROMISED_MS, REGISTRATION, type TestBed, useTestBed } from '../contract/test-bed.ts';
import { MANAGED_IMAGE, namesIn, pod, PUBLIC_IMAGE } from '../contract/workloads.ts';
import { reviewedDuring } from './reviewed.ts';

const domains = Array.from({ length: 150 }, (_, index) => `registry-of-team-${index}.example.com`);
const withDomains = (names: readonly string[]) =>
  `- instanceId: ${INSTANCE.instanceId}\n  regionId: ${INSTANCE.regionId}\n  domains: ${names.join(',')}\n`;
const failing = 'enable: true\nfailure-policy: Fail\n';

function conditionsOf({ webhooks = [] }: MutatingWebhookConfiguration): string[] {
  return webhooks.flatMap(({ matchConditions = [] }) => matchConditions.map(({ expression }) => expression));
}

async function storedConditions(bed: TestBed): Promise<string[]> {
  const stored = await bed.find<MutatingWebhookConfiguration>(resources.mutatingWebhookConfigurations, {
    name: REGISTRATION,
  });
  return stored ? conditionsOf(stored) : [];
}

/** Resolves once the conditions name the domain. */
const conditionsWith = (bed: TestBed, domain: string) =>
  eventually(async () => (await storedConditions(bed)).some((text) => text.includes(`'${domain}'`)), {
    withinMs: PROMISED_MS,
  });

describe('a Pod', () => {
  const bed = useTestBed({ configuration: { 'webhook-configuration': failing } });

  async function create(spec: PodSpec): Promise<{ created: Pod; reviews: number }> {
    const namespace = await bed.servedNamespace();
    let created: Pod | undefined;
    const reviews = await reviewedDuring(bed, 'pods', async () => {
      created = await bed.user.create(resources.pods, pod({ namespace, name: 'a' }, spec));
    });
    if (!created) throw new Error('no Pod was created');
    return { created, reviews };
  }
  const containers = [{ name: 'main', image: PUBLIC_IMAGE }];

  it('with images of other registries never comes to the service', async () => {
    await conditionsWith(bed, MANAGED_IMAGE.split('/')[0] ?? '');
    const volumes = [
      { name: 'image', image: { reference: PUBLIC_IMAGE } },
      { name: 'none', emptyDir: {} },
    ];
    const { created, reviews } = await create({ containers, initContainers: [{ name: 'i', image: 'nginx' }], volumes });
    expect(reviews).toBe(0);
    expect(created.spec?.imagePullSecrets ?? []).toEqual([]);
  });

  it.each<[string, PodSpec]>([
    ['a container', { containers: [...containers, { name: 'two', image: MANAGED_IMAGE }] }],
    ['an init container', { containers, initContainers: [{ name: 'i', image: MANAGED_IMAGE }] }],
    ['an image volume', { containers, volumes: [{ name: 'v', image: { reference: MANAGED_IMAGE } }] }],
    ['a digest', { containers: [{ name: 'main', image: `${MANAGED_IMAGE}@sha256:${'a'.repeat(64)}` }] }],
  ])('with %s of a managed registry comes, and gets the reference', async (_, spec) => {
    const { created, reviews } = await create(spec);
    expect(reviews).toBe(1);
    expect(namesIn(created.spec?.imagePullSecrets)).toEqual([PULL_SECRET]);
  });

  it.each<[string, object]>([
    ['nothing in it', {}],
    ['lists that are null', { containers: null, initContainers: null, volumes: null }],
    ['containers without images', { containers: [{ name: 'a' }, { name: 'b', image: null }] }],
    ['volumes that are hardly anything', { containers, volumes: [{ name: 'v', image: {} }, { name: 'w' }] }],
  ])('with %s is judged by the API server alone: no error of an expression refuses it', async (_, spec) => {
    const namespace = await bed.servedNamespace();
    const object = { metadata: { namespace, name: 'odd' }, spec: spec as PodSpec };
    const refusal = await bed.user.create(resources.pods, object).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refusal !== undefined) expect(refusal).toMatchObject({ status: 422 });
  });
});

describe('with 150 domains', () => {
  const bed = useTestBed({
    configuration: { 'acr-registry-info': withDomains(domains), 'webhook-configuration': failing },
  });
  const containersOf = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ name: `c-${index}`, image: PUBLIC_IMAGE }));

  async function timed(spec: PodSpec): Promise<{ reviews: number; list: unknown[]; tookMs: number }> {
    const namespace = await bed.servedNamespace();
    let list: unknown[] = [];
    const startedAt = performance.now();
    const reviews = await reviewedDuring(bed, 'pods', async () => {
      const created = await bed.user.create(resources.pods, pod({ namespace, name: 'a' }, spec), { dryRun: true });
      list = namesIn(created.spec?.imagePullSecrets);
    });
    const tookMs = Math.round(performance.now() - startedAt);
    console.log(`${spec.containers?.length} containers, ${domains.length} domains: ${tookMs} ms, ${reviews} reviews`);
    return { reviews, list, tookMs };
  }

  it('a Pod of 1,500 containers of other registries is within the budget, and never comes', async () => {
    await conditionsWith(bed, 'registry-of-team-149.example.com');
    expect(await timed({ containers: containersOf(1_500) })).toMatchObject({ reviews: 0, list: [] });
  });

  it('a Pod whose 1,501st container is of a managed registry comes', async () => {
    const last = { name: 'last', image: 'registry-of-team-149.example.com/app:1' };
    const { reviews, list } = await timed({ containers: [...containersOf(1_500), last] });
    expect({ reviews, list }).toEqual({ reviews: 1, list: [PULL_SECRET] });
  });

  it('a Pod of more containers than may be compared comes, rather than being refused', async () => {
    expect(await timed({ containers: containersOf(10_000) })).toMatchObject({ reviews: 1, list: [] });
  });
});

describe('when the managed domains change', () => {
  const bed = useTestBed({
    configuration: { 'acr-registry-info': withDomains(['first.example.com']), 'extra-auths': 'static' },
  });

  const giveStatic = (domain: string) => {
    const auths = { [domain]: { username: 'u', password: 'p', auth: btoa('u:p') } };
    const data = { '.dockerconfigjson': btoa(JSON.stringify({ auths })) };
    const metadata = { namespace: bed.ownNamespace, name: 'static' };
    return bed.user.apply<Secret>(resources.secrets, { metadata, type: 'kubernetes.io/dockerconfigjson', data });
  };

  it.each<[string, (domain: string) => Promise<unknown>]>([
    [
      'an edit of the configuration',
      (domain) => bed.configure({ 'acr-registry-info': withDomains(['first.example.com', domain]) }),
    ],
    ['an edit of a Secret of `extra-auths`', giveStatic],
  ])('the conditions name a new domain before any Secret does: %s', async (_, change) => {
    await giveStatic('static.example.com');
    const namespace = await bed.namespace();
    await eventually(() => bed.pullSecret(namespace));
    await conditionsWith(bed, 'static.example.com');
    const kind = resources.mutatingWebhookConfigurations;
    await using registrations = await ChangeRecorder.start<MutatingWebhookConfiguration>(bed.client, kind);
    await using secrets = await ChangeRecorder.start<Secret>(bed.client, resources.secrets, { namespace });
    for (const domain of ['second.example.com', 'third.example.com', 'fourth.example.com']) {
      await change(domain);
      const secret = await eventually(() => secrets.changes.find(({ object }) => domain in loginsOf(object)));
      const registration = await eventually(() =>
        registrations.changes.find(({ object }) => conditionsOf(object).some((text) => text.includes(domain))),
      );
      const versions = [registration, secret].map(({ object }) => object.metadata.resourceVersion ?? '');
      expect(compareResourceVersions(versions[0] ?? '', versions[1] ?? '')).toBeLessThan(0);
    }
  });

  it('the conditions go while a glob, or a path, is among them, and come back', async () => {
    await bed.configure({ 'acr-registry-info': `- instanceId: cri-unknown\n  regionId: ${INSTANCE.regionId}\n` });
    await eventually(async () => (await storedConditions(bed)).length === 0, { withinMs: PROMISED_MS });
    await bed.configure();
    await conditionsWith(bed, 'first.example.com');
  });
});
