import { beforeEach, describe, expect, it } from 'vitest';
import { AdmissionHandler, type Verdict } from '../../src/admission/admission-handler.ts';
import type { AdmissionRequest } from '../../src/admission/admission-review.ts';
import type { AdmissionView } from '../../src/admission/admission-view.ts';
import type { ObjectMeta } from '../../src/kube/objects.ts';
import type { EnsureOutcome } from '../../src/secrets/pull-secret-writer.ts';
import { admitted, managedImage, podRequest, serviceAccountRequest, viewWith } from '../builders/admission.ts';
import { podAt, serviceAccountAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { refusal } from '../fakes/memory-api.ts';

let clock: ManualClock;
let view: AdmissionView | undefined;
/** How each wish for the Secret ends. */
let ensure: () => Promise<EnsureOutcome>;
/** The moments at which the Secret was wished for, in milliseconds from the request. */
let wishes: number[];
let handler: AdmissionHandler;

beforeEach(() => {
  clock = new ManualClock();
  const arrived = clock.now();
  view = viewWith();
  ensure = () => Promise.resolve('Written');
  wishes = [];
  handler = new AdmissionHandler({
    clock,
    viewOf: () => view,
    ensureSecret: () => {
      wishes.push(clock.now() - arrived);
      return ensure();
    },
  });
});

/** What the verdict says, in a line. */
function told({ decision, reason, outcome }: Verdict): string {
  const warnings = outcome.allowed ? (outcome.warnings ?? []) : [];
  return [decision, reason, ...warnings.map((warning) => `(${warning})`)].join(' ');
}

async function review(request: AdmissionRequest, fields: Partial<AdmissionView> = {}): Promise<string> {
  view = viewWith(fields);
  return told(await handler.review(request, '10s'));
}

const update = serviceAccountRequest(serviceAccountAt('team-a/app', ['theirs']), {
  operation: 'UPDATE',
  oldObject: admitted(serviceAccountAt('team-a/app', ['theirs', 'pull'])),
});
const dryRun = serviceAccountRequest(undefined, { dryRun: true });
const later = '(no registry has a live token; pulling private images may fail for now)';
const notWritten = '(Secret pull could not be written in time; pulling private images may fail for now)';

type Row = [situation: string, AdmissionRequest, Partial<AdmissionView>, ignore: string, fail?: string];

describe.each(['Ignore', 'Fail'] as const)('under %s', (failurePolicy) => {
  const mirror: ObjectMeta = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
  const going: ObjectMeta = { deletionTimestamp: '2026-01-01T00:00:00Z' };
  const optOut: ObjectMeta = { labels: { 'acr-credential-injector/inject': 'false' } };
  const podWith = (metadata: ObjectMeta) => podRequest(podAt('team-a/app', managedImage, {}, metadata));
  const accountWith = (metadata: ObjectMeta) => serviceAccountRequest(serviceAccountAt('team-a/app', [], metadata));

  it.each<Row>([
    ['a namespace that is no target', podRequest(), { isTarget: false }, 'allowed NotATarget'],
    ['a name that is not selected', podRequest(), { selectsServiceAccount: () => false }, 'allowed NotATarget'],
    ['a namespace that opted out', serviceAccountRequest(), { optedOut: true, isTarget: false }, 'allowed OptedOut'],
    ['a ServiceAccount that opted out', accountWith(optOut), {}, 'allowed OptedOut'],
    ['a Pod that opted out', podWith(optOut), {}, 'allowed OptedOut'],
    ['a mirror Pod', podWith(mirror), {}, 'allowed MirrorPod'],
    ['a namespace that is going', podRequest(), { terminating: true }, 'allowed NamespaceTerminating'],
    ['a Pod that is being deleted', podWith(going), {}, 'allowed BeingDeleted'],
    ['a Secret of somebody else', podRequest(), { foreignSecret: 'Immutable' }, 'allowed ForeignSecret'],
    [
      'a reference that is there',
      podRequest(podAt('team-a/app', managedImage, { imagePullSecrets: [{ name: 'pull' }] })),
      {},
      'allowed AlreadyReferenced',
    ],
    ['a Pod without an image of ours', podRequest(podAt('team-a/app', 'nginx')), {}, 'allowed NoManagedImage'],
    ['all that when there is no token, either', podWith(mirror), { hasLiveCredential: false }, 'allowed MirrorPod'],
    ['a ServiceAccount UPDATE', update, {}, 'patched ServiceAccountUpdate'],
    ['an UPDATE without a token', update, { hasLiveCredential: false }, 'patched ServiceAccountUpdate'],
    ['an UPDATE where the Secret is missing', update, { secretKnown: false }, 'patched ServiceAccountUpdate'],
    [
      'no live token for a ServiceAccount',
      serviceAccountRequest(),
      { hasLiveCredential: false },
      `patched NoCredential ${later}`,
      'denied NoCredential',
    ],
    [
      'no live token for a Pod',
      podRequest(),
      { hasLiveCredential: false, secretKnown: false },
      `patched NoCredential ${later}`,
      'denied NoCredential',
    ],
    [
      'no live token in a dry run',
      dryRun,
      { hasLiveCredential: false },
      `patched NoCredential ${later}`,
      'denied NoCredential',
    ],
    ['a dry run', dryRun, { secretKnown: false }, 'patched DryRun'],
    ['a Secret that is known', serviceAccountRequest(), {}, 'patched SecretKnown'],
    ['a Secret that is known, for a Pod', podRequest(), {}, 'patched SecretKnown'],
    [
      'some registries without a token',
      podRequest(),
      { deadRegistries: ['cri-b', 'cri-c'] },
      'patched SecretKnown (no live token for registry cri-b, cri-c)',
    ],
  ])('%s is answered from memory', async (...[, request, fields, ignore, fail = ignore]) => {
    const expected = failurePolicy === 'Fail' ? fail : ignore;
    expect(await review(request, { ...fields, failurePolicy })).toBe(expected);
    expect(wishes).toEqual([]);
  });

  it.each<[string, EnsureOutcome | Error, ignore: string, fail?: string]>([
    ['written', 'Written', 'patched SecretWritten'],
    ['found to be there', 'UpToDate', 'patched SecretWritten'],
    [
      'not to be written for the last token has just expired',
      'NoCredential',
      `patched NoCredential ${later}`,
      'denied NoCredential',
    ],
    ["found to be somebody's", 'Foreign', 'allowed ForeignSecret'],
    ['not to be written for there is no such namespace', 'NamespaceGone', 'allowed NamespaceTerminating'],
    [
      'refused for good, as by a quota',
      refusal(403, 'Forbidden'),
      "patched SecretNotWritten (Secret pull could not be written: see the service's log)",
    ],
    [
      'refused by something unforeseen',
      new Error('bug'),
      "patched SecretNotWritten (Secret pull could not be written: see the service's log)",
    ],
  ])('a missing Secret is %s', async (_, end, ignore, fail = ignore) => {
    ensure = () => (end instanceof Error ? Promise.reject(end) : Promise.resolve(end));
    const expected = failurePolicy === 'Fail' ? fail : ignore;
    expect(await review(podRequest(), { secretKnown: false, failurePolicy })).toBe(expected);
    expect(wishes).toEqual([0]);
    expect(clock.sleepers).toBe(0);
  });

  it('a Secret that is not written in time is waited for no longer than the request grants', async () => {
    ensure = () => new Promise(() => undefined);
    const verdict = review(podRequest(), { secretKnown: false, failurePolicy });
    let isAnswered = false;
    void verdict.then(() => (isAnswered = true));
    await clock.pass(8_999);
    expect(isAnswered).toBe(false);
    await clock.pass(1);
    expect(isAnswered).toBe(true);
    expect(await verdict).toBe(
      failurePolicy === 'Fail' ? 'denied SecretNotWritten' : `patched SecretNotWritten ${notWritten}`,
    );
    expect(clock.sleepers).toBe(0);
  });

  it('a write that may succeed later is tried again within the time that the request grants', async () => {
    ensure = () => (wishes.length < 4 ? Promise.reject(refusal(500, 'InternalError')) : Promise.resolve('Written'));
    const verdict = review(podRequest(), { secretKnown: false, failurePolicy });
    await clock.pass(8_000);
    expect(await verdict).toBe('patched SecretWritten');
    expect(wishes).toHaveLength(4);
  });

  it('tries end when the time is up', async () => {
    ensure = () => Promise.reject(refusal(409, 'Conflict'));
    const verdict = review(podRequest(), { secretKnown: false, failurePolicy });
    await clock.pass(60_000);
    expect(await verdict).toMatch(/^(denied|patched) SecretNotWritten/);
    expect(wishes.length).toBeGreaterThan(5);
    expect(wishes.at(-1)).toBeLessThanOrEqual(9_000);
    expect(clock.sleepers).toBe(0);
  });

  it('a server that asks for more time than there is gets none', async () => {
    ensure = () => Promise.reject(refusal(429, 'TooManyRequests', { retryAfterSeconds: 60 }));
    const verdict = review(podRequest(), { secretKnown: false, failurePolicy });
    await clock.pass(9_000);
    expect(await verdict).toMatch(/^(denied|patched) SecretNotWritten/);
    expect(wishes).toEqual([0]);
  });
});

describe('a denial', () => {
  it('says what is wrong and that it is worth another try', async () => {
    view = viewWith({ hasLiveCredential: false, failurePolicy: 'Fail' });
    expect((await handler.review(podRequest(), '10s')).outcome).toEqual({
      allowed: false,
      message: 'acr-credential-injector: no registry has a live token; try again',
      retryAfterSeconds: 1,
    });
  });
});

describe('a failure that nobody foresaw', () => {
  const bug = new TypeError('bug');
  const managesImage = () => {
    throw bug;
  };

  it("is left to the user's policy, and told to who reads the log", async () => {
    expect(await review(podRequest(), { managesImage })).toBe(
      'allowed InternalError (acr-credential-injector failed: see its log)',
    );
    expect(await review(podRequest(), { managesImage, failurePolicy: 'Fail' })).toBe('denied InternalError');
    expect((await handler.review(podRequest(), '10s')).cause).toBe(bug);
  });

  it('denies no UPDATE', async () => {
    const fields = { selectsServiceAccount: managesImage, failurePolicy: 'Fail' as const };
    expect(await review(update, fields)).toMatch(/^allowed InternalError/);
  });
});

describe('a patch', () => {
  const patchOf = async (request: AdmissionRequest) => {
    const { outcome } = await handler.review(request, '10s');
    return outcome.allowed ? outcome.patch : undefined;
  };

  it('makes a list where there is none, and appends where there is one', async () => {
    expect(await patchOf(serviceAccountRequest())).toEqual([
      { op: 'add', path: '/imagePullSecrets', value: [{ name: 'pull' }] },
    ]);
    expect(await patchOf(serviceAccountRequest(serviceAccountAt('team-a/app', ['x'])))).toEqual([
      { op: 'add', path: '/imagePullSecrets/-', value: { name: 'pull' } },
    ]);
    expect(await patchOf(podRequest())).toEqual([
      { op: 'add', path: '/spec/imagePullSecrets', value: [{ name: 'pull' }] },
    ]);
  });

  it("to a Pod's own list is told to who wrote it, and any patch to the audit log", async () => {
    const managedFields = [{ manager: 'kubectl', fieldsV1: { 'f:spec': { 'f:imagePullSecrets': {} } } }];
    const pod = podAt('team-a/app', managedImage, { imagePullSecrets: [{ name: 'x' }] }, { managedFields });
    const { outcome } = await handler.review(podRequest(pod), '10s');
    expect(outcome).toMatchObject({
      warnings: ["pull was added to the Pod's own imagePullSecrets"],
      auditAnnotations: { 'image-pull-secret': 'pull' },
    });
  });
});

describe('what is no business of ours', () => {
  it.each<[string, AdmissionRequest]>([
    ['another resource', serviceAccountRequest(undefined, { resource: 'secrets' })],
    ['a subresource', podRequest(undefined, { subresource: 'status' })],
    ['a token request', serviceAccountRequest(undefined, { subresource: 'token' })],
    ["the UPDATE of a Pod, whose list can't be changed any more", podRequest(undefined, { operation: 'UPDATE' })],
    ['a DELETE', serviceAccountRequest(undefined, { operation: 'DELETE' })],
  ])('%s is let through', async (_, request) => {
    expect(await review(request)).toBe('allowed UnknownResource');
  });

  it('is everything before the first configuration', async () => {
    view = undefined;
    expect(told(await handler.review(podRequest(), '10s'))).toBe('allowed NotConfigured');
  });
});
