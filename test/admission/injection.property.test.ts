import fc from 'fast-check';
import jsonPatch from 'fast-json-patch';
import { describe, expect, it } from 'vitest';
import { AdmissionHandler } from '../../src/admission/admission-handler.ts';
import { parseAdmissionReview, UnreadableReviewError } from '../../src/admission/admission-review.ts';
import type { LocalObjectReference, Pod, ServiceAccount } from '../../src/kube/objects.ts';
import { admitted, managedImage, podRequest, serviceAccountRequest, viewWith } from '../builders/admission.ts';
import { podAt, serviceAccountAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

const OURS = ['pull', 'pull-2', 'pull-3'] as const;
/** As many pull Secrets as a namespace may have; the first is always one of them. */
const secretNames = fc.subarray(['pull-2', 'pull-3']).map((more) => ['pull', ...more]);

const reference: fc.Arbitrary<LocalObjectReference> = fc.oneof(
  fc.constantFrom(...OURS, 'theirs', 'a/b~c', '', '__proto__', 'pull-').map((name) => ({ name })),
  fc.constant({}),
  fc.record({ name: fc.string(), note: fc.string() }),
);
/** None, null as Go writes what is nil, empty, or one with entries that are there twice or have no name. */
const list = fc.option(fc.oneof(fc.constant(null), fc.array(reference, { maxLength: 8 })), { nil: undefined });
const labels = fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), fc.string(), { maxKeys: 3 });
const wroteList = { manager: 'kubectl', fieldsV1: { 'f:spec': { 'f:imagePullSecrets': {} } } };
const managedFields = fc.array(fc.constant(wroteList), { maxLength: 1 });
const metadata = fc.record({ labels, annotations: labels, managedFields });
const image = fc.constantFrom(managedImage, 'nginx', 'registry.example.com:5000/x@sha256:0', '');
const containers = fc.array(
  image.map((each) => ({ name: 'c', image: each })),
  { maxLength: 3 },
);
/** Fields that this service knows nothing of, whatever their names. */
const others = fc.dictionary(
  fc.string().filter((key) => !(key in podAt('a/b', '', {}))),
  // As it comes over the wire, which knows no -0.
  fc.json().map((text) => JSON.parse(JSON.stringify(JSON.parse(text))) as unknown),
  { maxKeys: 3, noNullPrototype: true },
);

const serviceAccount: fc.Arbitrary<ServiceAccount> = fc.record({ list, metadata, others }).map((fields) => ({
  ...fields.others,
  ...serviceAccountAt('team-a/app', undefined, fields.metadata),
  ...(fields.list !== undefined && { imagePullSecrets: fields.list! }),
  secrets: [{ name: 'app-token' }],
}));
const pod: fc.Arbitrary<Pod> = fc
  .record({ list, metadata, containers, initContainers: containers, others })
  .map((fields) => {
    const spec = { ...fields.others, containers: fields.containers, initContainers: fields.initContainers };
    const references = fields.list !== undefined && { imagePullSecrets: fields.list! };
    return podAt('team-a/app', managedImage, { ...spec, ...references }, fields.metadata);
  });

interface Given {
  kind: 'pods' | 'serviceaccounts';
  operation?: 'CREATE' | 'UPDATE';
  secretNames: readonly string[];
}

/** The object as the API server stores it after the review, and how many operations that took. */
async function reviewed<T extends ServiceAccount | Pod>(object: T, { kind, secretNames: names, ...fields }: Given) {
  const handler = new AdmissionHandler({
    clock: new ManualClock(),
    viewOf: () => viewWith({ secretNames: names }),
    ensureSecret: () => Promise.resolve('Written'),
  });
  const request = kind === 'pods' ? podRequest() : serviceAccountRequest();
  const { outcome } = await handler.review({ ...request, ...fields, object: admitted(object) }, { timeout: '10s' });
  expect(outcome.allowed).toBe(true);
  const patch = outcome.allowed ? (outcome.patch ?? []) : [];
  expect(patch.filter(({ op }) => op !== 'add')).toEqual([]);
  const after = jsonPatch.applyPatch(structuredClone(object), structuredClone(patch), true, false).newDocument;
  return { after, operations: patch.length };
}

/** What was there, in its order, and at the end the names that were not. */
function withReferences(before: readonly LocalObjectReference[] | null | undefined, names: readonly string[]) {
  const missing = names.filter((name) => !before?.some((each) => each.name === name));
  return missing.length > 0 ? [...(before ?? []), ...missing.map((name) => ({ name }))] : before;
}

describe('the patch of any ServiceAccount', () => {
  it('appends what is missing, keeps all else in its place, and is none the second time', async () => {
    const given = fc.record({ secretNames, operation: fc.constantFrom('CREATE' as const, 'UPDATE' as const) });
    await fc.assert(
      fc.asyncProperty(serviceAccount, given, async (before, fields) => {
        const { after } = await reviewed(before, { kind: 'serviceaccounts', ...fields });
        const imagePullSecrets = withReferences(before.imagePullSecrets, fields.secretNames);
        expect(after).toEqual({ ...before, imagePullSecrets });
        const again = await reviewed(after, { kind: 'serviceaccounts', ...fields });
        expect(again).toEqual({ after, operations: 0 });
      }),
    );
  });
});

describe('the patch of any Pod', () => {
  it('appends what is missing where an image is ours, keeps all else in its place, and is none the second time', async () => {
    await fc.assert(
      fc.asyncProperty(pod, secretNames, async (before, names) => {
        const { containers: main = [], initContainers = [], imagePullSecrets } = before.spec ?? {};
        const isOurs = [...main, ...initContainers].some((each) => each.image === managedImage);
        const { after } = await reviewed(before, { kind: 'pods', secretNames: names });
        const spec = { ...before.spec, imagePullSecrets: withReferences(imagePullSecrets, names) };
        expect(after).toEqual(isOurs ? { ...before, spec } : before);
        expect(await reviewed(after, { kind: 'pods', secretNames: names })).toEqual({ after, operations: 0 });
      }),
    );
  });
});

it('a review never rejects, whatever the object is', async () => {
  const handler = new AdmissionHandler({
    clock: new ManualClock(),
    viewOf: () => viewWith(),
    ensureSecret: () => Promise.resolve('Written'),
  });
  const anyMetadata = fc.record(
    {
      name: fc.anything(),
      labels: fc.anything(),
      annotations: fc.anything(),
      managedFields: fc.oneof(fc.anything(), fc.array(fc.anything())),
      ownerReferences: fc.oneof(fc.anything(), fc.array(fc.anything())),
    },
    { requiredKeys: [] },
  );
  const spec = fc.record(
    {
      serviceAccountName: fc.anything(),
      imagePullSecrets: fc.anything(),
      containers: fc.constant([{ image: managedImage }]),
      initContainers: fc.oneof(fc.anything(), fc.array(fc.anything())),
      volumes: fc.oneof(fc.anything(), fc.array(fc.record({ image: fc.anything() }))),
    },
    { requiredKeys: ['containers'] },
  );
  const request = fc.record({
    uid: fc.constant('u'),
    resource: fc
      .constantFrom('pods', 'serviceaccounts', 'x')
      .map((resource) => ({ group: '', version: 'v1', resource })),
    operation: fc.constantFrom('CREATE', 'UPDATE', 'DELETE'),
    object: fc.record({ metadata: anyMetadata, spec, imagePullSecrets: fc.anything() }),
    oldObject: fc.anything(),
  });
  await fc.assert(
    fc.asyncProperty(request, async (fields) => {
      try {
        const parsed = parseAdmissionReview(
          JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: fields }, jsonable),
        );
        expect((await handler.review(parsed, { timeout: '10s' })).outcome.allowed).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(UnreadableReviewError);
      }
    }),
    { numRuns: 200 },
  );
});

function jsonable(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
