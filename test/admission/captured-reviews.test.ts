import { readFileSync } from 'node:fs';
import jsonPatch from 'fast-json-patch';
import { describe, expect, it } from 'vitest';
import { AdmissionHandler } from '../../src/admission/admission-handler.ts';
import { formatAdmissionReview, parseAdmissionReview } from '../../src/admission/admission-review.ts';
import type { AdmissionView } from '../../src/admission/admission-view.ts';
import type { Pod, ServiceAccount } from '../../src/kube/objects.ts';
import { viewWith } from '../builders/admission.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

interface Response {
  uid: string;
  allowed: boolean;
  patch?: string;
  warnings?: string[];
}

const bodyOf = (name: string) =>
  readFileSync(new URL(`../fixtures/admission-reviews/${name}.json`, import.meta.url), 'utf8');

const managesImage: AdmissionView['managesImage'] = (image) =>
  image.startsWith('x-registry-vpc.cn-hangzhou.cr.aliyuncs.com/');

/** The answer to a review that a real API server sent, and the object with the patch. */
async function answerTo(name: string, fields: Partial<AdmissionView> = {}) {
  let wishes = 0;
  const handler = new AdmissionHandler({
    clock: new ManualClock(),
    viewOf: () => viewWith({ managesImage, ...fields }),
    ensureSecret: () => {
      wishes++;
      return Promise.resolve('Written');
    },
  });
  const body = bodyOf(name);
  const request = parseAdmissionReview(body);
  const { outcome, decision, reason } = await handler.review(request, { timeout: '10s' });
  const { response } = JSON.parse(formatAdmissionReview(request.uid, outcome)) as { response: Response };
  const operations = response.patch ? (JSON.parse(Buffer.from(response.patch, 'base64').toString()) as never[]) : [];
  const { object: before } = (JSON.parse(body) as { request: { object: Pod & ServiceAccount } }).request;
  const after = jsonPatch.applyPatch(structuredClone(before), operations, true).newDocument;
  return { request, response, decision, reason, before, after, wishes };
}

describe('a review as a real API server sends it', () => {
  it.each([
    ['serviceaccount-create-by-helm', 'serviceaccounts', 'CREATE', 'helm'],
    ['serviceaccount-create-default', 'serviceaccounts', 'CREATE', ''],
    ['serviceaccount-create-dry-run', 'serviceaccounts', 'CREATE', 'kubectl-create'],
    ['serviceaccount-update-by-token-controller', 'serviceaccounts', 'UPDATE', ''],
    ['pod-create-by-replicaset', 'pods', 'CREATE', ''],
  ])('%s is understood', (name, resource, operation, fieldManager) => {
    const request = parseAdmissionReview(bodyOf(name));
    expect(request).toMatchObject({ resource, operation, namespace: 'team-a', subresource: '', fieldManager });
    expect(request.dryRun).toBe(name.endsWith('dry-run'));
    expect(request.oldObject === undefined).toBe(operation === 'CREATE');
  });

  it.each(['serviceaccount-create-by-helm', 'serviceaccount-create-default', 'serviceaccount-create-dry-run'])(
    '%s gets the reference and nothing else',
    async (name) => {
      const { request, response, before, after } = await answerTo(name);
      expect(response).toMatchObject({ uid: request.uid, allowed: true });
      expect(after).toEqual({ ...before, imagePullSecrets: [{ name: 'pull' }] });
      expect(response.warnings).toBeUndefined();
    },
  );

  it('of an UPDATE gets the reference, whatever is missing', async () => {
    const missing = { hasLiveCredential: false, secretKnown: false, failurePolicy: 'Fail' as const };
    const { after, reason, wishes } = await answerTo('serviceaccount-update-by-token-controller', missing);
    expect(after.imagePullSecrets).toEqual([{ name: 'pull' }]);
    expect(reason).toBe('ServiceAccountUpdate');
    expect(wishes).toBe(0);
  });

  it('of a dry run has nothing written for it', async () => {
    const { decision, wishes } = await answerTo('serviceaccount-create-dry-run', { secretKnown: false });
    expect(decision).toBe('patched');
    expect(wishes).toBe(0);
  });

  it('of a Pod has the Secret written first, and is told no warning: a controller made it', async () => {
    const { before, after, reason, wishes, response } = await answerTo('pod-create-by-replicaset', {
      secretKnown: false,
    });
    expect(wishes).toBe(1);
    expect(reason).toBe('SecretWritten');
    expect(after.spec?.imagePullSecrets).toEqual([...(before.spec?.imagePullSecrets ?? []), { name: 'pull' }]);
    expect(response.warnings).toBeUndefined();
  });

  it('of a Pod that uses none of our images is let through', async () => {
    const { before, after, reason } = await answerTo('pod-create-by-replicaset', { managesImage: () => false });
    expect(reason).toBe('NoManagedImage');
    expect(after).toEqual(before);
  });
});
