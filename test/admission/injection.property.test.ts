import fc from 'fast-check';
import jsonPatch from 'fast-json-patch';
import { describe, expect, it } from 'vitest';
import { AdmissionHandler } from '../../src/admission/admission-handler.ts';
import { parseAdmissionReview, UnreadableReviewError } from '../../src/admission/admission-review.ts';
import type { LocalObjectReference, Pod, ServiceAccount } from '../../src/kube/objects.ts';
import { admitted, managedImage, podRequest, serviceAccountRequest, viewWith } from '../builders/admission.ts';
import { podAt, serviceAccountAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

const handler = new AdmissionHandler({
  clock: new ManualClock(),
  viewOf: () => viewWith(),
  ensureSecret: () => Promise.resolve('Written'),
});

const reference: fc.Arbitrary<LocalObjectReference> = fc.oneof(
  fc.constantFrom('pull', 'theirs', 'a/b~c', '').map((name) => ({ name })),
  fc.constant({}),
);
const list = fc.option(fc.array(reference, { maxLength: 5 }), { nil: undefined });
const labels = fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), fc.string(), { maxKeys: 3 });
const image = fc.constantFrom(managedImage, 'nginx', 'registry.example.com:5000/x@sha256:0', '');
const containers = fc.array(
  image.map((each) => ({ name: 'c', image: each })),
  { maxLength: 3 },
);

const serviceAccount: fc.Arbitrary<ServiceAccount> = fc.record({ list, labels }).map((fields) => ({
  ...serviceAccountAt('team-a/app', undefined, { labels: fields.labels }),
  ...(fields.list && { imagePullSecrets: fields.list }),
  secrets: [{ name: 'app-token' }],
}));
const pod: fc.Arbitrary<Pod> = fc.record({ list, labels, containers, initContainers: containers }).map((fields) => {
  const spec = { containers: fields.containers, initContainers: fields.initContainers };
  const references = fields.list && { imagePullSecrets: fields.list };
  return podAt('team-a/app', managedImage, { ...spec, ...references }, { labels: fields.labels });
});

/** The object as the API server stores it after the review. */
async function reviewed<T extends ServiceAccount | Pod>(object: T, kind: 'pods' | 'serviceaccounts'): Promise<T> {
  const request = kind === 'pods' ? podRequest() : serviceAccountRequest();
  const { outcome } = await handler.review({ ...request, object: admitted(object) }, '10s');
  expect(outcome.allowed).toBe(true);
  const patch = outcome.allowed ? (outcome.patch ?? []) : [];
  return jsonPatch.applyPatch(structuredClone(object), structuredClone(patch), true, false).newDocument;
}

const withReference = (list: readonly LocalObjectReference[] | undefined) =>
  list?.some(({ name }) => name === 'pull') ? list : [...(list ?? []), { name: 'pull' }];

describe('the patch of any ServiceAccount', () => {
  it('appends the reference, keeps all else in its place, and is none the second time', async () => {
    await fc.assert(
      fc.asyncProperty(serviceAccount, async (before) => {
        const after = await reviewed(before, 'serviceaccounts');
        expect(after).toEqual({ ...before, imagePullSecrets: withReference(before.imagePullSecrets) });
        expect(await reviewed(after, 'serviceaccounts')).toEqual(after);
      }),
    );
  });
});

describe('the patch of any Pod', () => {
  it('appends the reference where an image is ours, keeps all else in its place, and is none the second time', async () => {
    await fc.assert(
      fc.asyncProperty(pod, async (before) => {
        const { containers = [], initContainers = [], imagePullSecrets } = before.spec ?? {};
        const isOurs = [...containers, ...initContainers].some((each) => each.image === managedImage);
        const after = await reviewed(before, 'pods');
        const spec = { ...before.spec, imagePullSecrets: withReference(imagePullSecrets) };
        expect(after).toEqual(isOurs ? { ...before, spec } : before);
        expect(await reviewed(after, 'pods')).toEqual(after);
      }),
    );
  });
});

it('a review never rejects, whatever the object is', async () => {
  const metadata = fc.record(
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
    resource: fc.constantFrom('pods', 'serviceaccounts', 'x').map((resource) => ({ resource })),
    operation: fc.constantFrom('CREATE', 'UPDATE', 'DELETE'),
    object: fc.record({ metadata, spec, imagePullSecrets: fc.anything() }),
    oldObject: fc.anything(),
  });
  await fc.assert(
    fc.asyncProperty(request, async (fields) => {
      try {
        const parsed = parseAdmissionReview(JSON.stringify({ request: fields }, jsonable));
        expect((await handler.review(parsed, '10s')).outcome.allowed).toBe(true);
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
