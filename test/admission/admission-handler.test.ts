import { beforeEach, describe, expect, it } from 'vitest';
import { AdmissionHandler } from '../../src/admission/admission-handler.ts';
import type { Verdict } from '../../src/admission/verdict.ts';
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
  return told(await handler.review(request, { timeout: '10s' }));
}

const update = serviceAccountRequest(serviceAccountAt('team-a/app', ['theirs']), {
  operation: 'UPDATE',
  oldObject: admitted(serviceAccountAt('team-a/app', ['theirs', 'pull'])),
});
const dryRun = serviceAccountRequest(undefined, { dryRun: true });
const later = '(no registry has a live token; pulling private images may fail for now)';
const notWritten = '(pull Secret not written in time; pulling private images may fail for now: pull)';
const refused = "(pull Secret refused by the API server, see the service's log: pull)";
const unforeseen = '(acr-credential-injector failed: see its log)';

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
      'patched SecretKnown (no live token for: cri-b, cri-c)',
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
    ['refused for good, as by a quota', refusal(403, 'Forbidden'), `patched SecretNotWritten ${refused}`],
    ['found to be of another type', refusal(422, 'Invalid'), 'allowed ForeignSecret'],
    [
      'not written by something unforeseen',
      new Error('bug'),
      `allowed InternalError ${unforeseen}`,
      'denied InternalError',
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

  it('a namespace that a watch has brought does not stand behind those that none has', async () => {
    ensure = () => new Promise(() => undefined);
    const others = Array.from({ length: 50 }, (_, index) => podRequest(undefined, { namespace: `nowhere-${index}` }));
    for (const other of others) void review(other, { secretKnown: false, isSeen: false, failurePolicy });
    ensure = () => Promise.resolve('Written');
    expect(await review(podRequest(), { secretKnown: false, failurePolicy })).toBe('patched SecretWritten');
    await clock.pass(9_000);
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
    expect((await handler.review(podRequest(), { timeout: '10s' })).outcome).toEqual({
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
    expect((await handler.review(podRequest(), { timeout: '10s' })).cause).toBe(bug);
  });

  it('lets through what not even the policy is known for', async () => {
    const blind = new AdmissionHandler({ clock, viewOf: managesImage, ensureSecret: () => ensure() });
    expect(told(await blind.review(podRequest(), {}))).toBe(`allowed InternalError ${unforeseen}`);
  });

  it('denies no UPDATE', async () => {
    const fields = { selectsServiceAccount: managesImage, failurePolicy: 'Fail' as const };
    expect(await review(update, fields)).toMatch(/^allowed InternalError/);
  });
});

describe('a patch', () => {
  const patchOf = async (request: AdmissionRequest) => {
    const { outcome } = await handler.review(request, { timeout: '10s' });
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

  describe("to a Pod's own list", () => {
    const managedFields = [{ manager: 'kubectl', fieldsV1: { 'f:spec': { 'f:imagePullSecrets': {} } } }];
    const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'x', uid: 'u', controller: true }];
    const warning = "added to the Pod's own imagePullSecrets: pull";
    const outcomeFor = async (list: string[], metadata: ObjectMeta) => {
      const imagePullSecrets = list.map((name) => ({ name }));
      const pod = podAt('team-a/app', managedImage, { imagePullSecrets }, metadata);
      const { outcome } = await handler.review(podRequest(pod), { timeout: '10s' });
      return outcome.allowed ? [outcome.warnings, outcome.auditAnnotations] : expect.unreachable('it was denied');
    };

    it('is told to who wrote the list', async () => {
      expect(await outcomeFor(['x'], { managedFields })).toEqual([[warning], { 'image-pull-secret': 'pull' }]);
    });

    it('is told to the audit log alone where a controller made the Pod, or nobody is known to have written it', async () => {
      const annotations = { 'image-pull-secret': 'pull', 'kept-image-pull-secrets': '2' };
      expect(await outcomeFor(['x', 'y'], { managedFields, ownerReferences })).toEqual([[], annotations]);
      expect(await outcomeFor(['x', 'y'], {})).toEqual([[], annotations]);
    });

    it('that is empty is like any other patch', async () => {
      expect(await outcomeFor([], { managedFields })).toEqual([[], { 'image-pull-secret': 'pull' }]);
    });
  });

  it('names in warnings and annotations only what it adds', async () => {
    view = viewWith({ secretNames: ['pull', 'pull-2', 'pull-3'] });
    const account = serviceAccountRequest(serviceAccountAt('team-a/app', ['pull']));
    const { outcome } = await handler.review(account, { timeout: '10s' });
    expect(outcome).toMatchObject({ auditAnnotations: { 'image-pull-secret': 'pull-2, pull-3' } });
  });

  it('never has a warning of more than 120 characters, nor an annotation that the API server would refuse', async () => {
    const names = Array.from({ length: 5 }, (_, index) => `${'a-long-name-'.repeat(15)}${index}`);
    const dead = Array.from({ length: 60 }, (_, index) => `cri-${index}`);
    for (const fields of [{}, { hasLiveCredential: false }, { secretKnown: false, deadRegistries: dead }]) {
      view = viewWith({ secretNames: names, ...fields });
      ensure = () => Promise.reject(refusal(403, 'Forbidden'));
      const managedFields = [{ manager: 'kubectl', fieldsV1: { 'f:spec': { 'f:imagePullSecrets': {} } } }];
      const pod = podAt('team-a/app', managedImage, { imagePullSecrets: [{ name: 'x' }] }, { managedFields });
      const { outcome } = await handler.review(podRequest(pod), { timeout: '10s' });
      const { warnings = [], auditAnnotations = {} } = outcome.allowed ? outcome : {};
      expect(warnings.length).toBeGreaterThan(0);
      for (const warning of warnings) expect(warning.length).toBeLessThanOrEqual(120);
      for (const key of Object.keys(auditAnnotations)) expect(key).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    }
  });
});

describe('a self-test', () => {
  it('is answered before anything is asked of it', async () => {
    view = undefined;
    const labels = { 'acr-credential-injector/self-test': 'true' };
    const metadata = { labels, annotations: { 'acr-credential-injector/self-test-question': '42' } };
    const request = serviceAccountRequest(serviceAccountAt('own/self-test', [], metadata), {
      dryRun: true,
      fieldManager: 'acr-credential-injector',
    });
    const { reason, outcome } = await handler.review(request, { timeout: '10s' });
    expect(reason).toBe('SelfTest');
    expect(outcome).toMatchObject({ patch: [{ op: 'add', value: '42' }] });
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
    expect(told(await handler.review(podRequest(), { timeout: '10s' }))).toBe('allowed NotConfigured');
  });
});
