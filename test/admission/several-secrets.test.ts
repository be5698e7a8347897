import { expect, describe, it } from 'vitest';
import { AdmissionHandler } from '../../src/admission/admission-handler.ts';
import type { AdmissionRequest } from '../../src/admission/admission-review.ts';
import type { AdmissionView } from '../../src/admission/admission-view.ts';
import { admitted, managedImage, podRequest, serviceAccountRequest, viewWith } from '../builders/admission.ts';
import { podAt, serviceAccountAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

const US = 'acr-credential-injector';

async function review(request: AdmissionRequest, fields: Partial<AdmissionView> = {}) {
  const view = viewWith({ secretNames: ['pull', 'pull-2'], ...fields });
  const handler = new AdmissionHandler({
    clock: new ManualClock(),
    viewOf: () => view,
    ensureSecret: () => expect.unreachable('the Secrets are known'),
  });
  const { decision, reason, outcome } = await handler.review(request, { timeout: '10s' });
  return { decision, reason, patch: outcome.allowed ? outcome.patch : undefined, outcome };
}

const podWith = (...names: string[]) =>
  podRequest(podAt('team-a/app', managedImage, { imagePullSecrets: names.map((name) => ({ name })) }));

describe('a namespace with several pull Secrets', () => {
  it('gets all of them into an empty list at once', async () => {
    const { patch } = await review(serviceAccountRequest());
    expect(patch).toEqual([{ op: 'add', path: '/imagePullSecrets', value: [{ name: 'pull' }, { name: 'pull-2' }] }]);
  });

  it('gets those that are missing appended to a list, in order', async () => {
    expect((await review(podWith('mine'))).patch).toEqual([
      { op: 'add', path: '/spec/imagePullSecrets/-', value: { name: 'pull' } },
      { op: 'add', path: '/spec/imagePullSecrets/-', value: { name: 'pull-2' } },
    ]);
    expect((await review(podWith('pull-2', 'mine'))).patch).toEqual([
      { op: 'add', path: '/spec/imagePullSecrets/-', value: { name: 'pull' } },
    ]);
  });

  it('is left as it is where all are there', async () => {
    expect(await review(podWith('pull-2', 'pull'))).toMatchObject({ decision: 'allowed', reason: 'AlreadyReferenced' });
  });

  it('is told by name in the audit log', async () => {
    const { outcome } = await review(podWith());
    expect(outcome).toMatchObject({ auditAnnotations: { 'image-pull-secret': 'pull, pull-2' } });
  });
});

describe('an UPDATE of a ServiceAccount', () => {
  const update = (before: string[], after: string[], fieldManager: string) =>
    serviceAccountRequest(serviceAccountAt('team-a/app', after), {
      operation: 'UPDATE',
      fieldManager,
      oldObject: admitted(serviceAccountAt('team-a/app', before)),
    });

  it('by which we take one of our references away passes', async () => {
    const request = update(['pull', 'pull-2'], ['pull'], US);
    expect(await review(request)).toMatchObject({ decision: 'allowed', reason: 'OwnDetach' });
  });

  it('by which somebody else does is put right', async () => {
    const request = update(['pull', 'pull-2'], ['pull'], 'kubectl');
    expect(await review(request)).toMatchObject({ decision: 'patched', reason: 'ServiceAccountUpdate' });
  });

  it('by which we ask for one that was not there yet is put right', async () => {
    expect(await review(update(['pull'], ['pull'], US))).toMatchObject({ decision: 'patched' });
  });
});

describe('while all is paused', () => {
  it.each([serviceAccountRequest(), podWith('mine')])('everything passes as it is', async (request) => {
    const view = { paused: true, hasLiveCredential: false, failurePolicy: 'Fail' } as const;
    expect(await review(request, view)).toMatchObject({ decision: 'allowed', reason: 'Paused' });
  });
});
