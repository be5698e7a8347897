import { applyPatch, type Operation } from 'fast-json-patch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answerSelfTest } from '../../src/admission/self-test.ts';
import { isSelfTest } from '../../src/admission/own-request.ts';
import type { AdmissionRequest } from '../../src/admission/admission-review.ts';
import { KubeApiError } from '../../src/errors.ts';
import { FIELD_MANAGER } from '../../src/kube/field-manager.ts';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import type { KubeObject, ServiceAccount } from '../../src/kube/objects.ts';
import { isAnswered, selfTestPatch, selfTestServiceAccount } from '../../src/webhook/self-test-request.ts';
import { SelfTest } from '../../src/webhook/self-test.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

const refused = new KubeApiError('403 Forbidden', { code: 'Forbidden', status: 403, retryable: false });

let clock: ManualClock;
let isOn: boolean;
/** What the API server does with what it is asked. */
let answer: (account: ServiceAccount) => ServiceAccount;
let asked: { at: number; account: ServiceAccount; options: object | undefined }[];
let turns: (true | string)[];
let selfTest: SelfTest;
let end: AbortController;

beforeEach(() => {
  clock = new ManualClock();
  isOn = true;
  answer = admitted;
  asked = [];
  turns = [];
  end = new AbortController();
  const client = {
    apply: <T extends KubeObject>(_resource: object, object: T, options?: object) => {
      asked.push({ at: clock.now(), account: object, options });
      return Promise.resolve().then(() => answer(object) as KubeObject as T);
    },
  } satisfies Pick<KubeClient, 'apply'>;
  selfTest = new SelfTest({
    client,
    clock,
    ownNamespace: 'acr',
    isOn: () => isOn,
    onTurned: (turn) => turns.push(turn.passed || turn.reason),
  });
  void selfTest.run(end.signal);
});

afterEach(() => end.abort());

function requestFor(account: ServiceAccount): AdmissionRequest {
  return {
    uid: 'u',
    resource: 'serviceaccounts',
    subresource: '',
    operation: 'CREATE',
    namespace: 'acr',
    dryRun: true,
    fieldManager: FIELD_MANAGER,
    object: { ...account },
    oldObject: undefined,
  };
}

/** As the API server answers that has asked our admission. */
function admitted(account: ServiceAccount): ServiceAccount {
  const { outcome } = answerSelfTest(requestFor(account));
  if (!outcome.allowed) throw new Error('denied');
  return applyPatch(structuredClone(account), outcome.patch as Operation[]).newDocument;
}

const unasked = (account: ServiceAccount) => account;
const refusing = () => {
  throw refused;
};

describe('a self-test', () => {
  it('is a dry run of a ServiceAccount of one name in the own namespace, with the label that is registered', async () => {
    await clock.pass(0);
    expect(asked[0]).toMatchObject({
      account: {
        metadata: {
          namespace: 'acr',
          name: 'acr-credential-injector-self-test',
          labels: { 'acr-credential-injector/self-test': 'true' },
        },
      },
      options: { dryRun: true },
    });
  });

  it('asks another question each time', () => {
    const [one, two] = ['one', 'two'].map((question) => selfTestServiceAccount('acr', question));
    expect(isAnswered(admitted(one!), 'one')).toBe(true);
    expect(isAnswered(admitted(two!), 'one')).toBe(false);
    expect(isAnswered(one!, 'one')).toBe(false);
  });

  it.each([
    ['has no label', { annotations: { 'acr-credential-injector/self-test-question': 'q' } }],
    ['has no question', { labels: { 'acr-credential-injector/self-test': 'true' } }],
    ['is nothing of the kind', {}],
  ])('is not what %s', (_what, metadata) => {
    expect(selfTestPatch(metadata)).toBeUndefined();
  });

  it.each([
    ['was sent by somebody else', { fieldManager: 'kubectl' }],
    ['is to be stored', { dryRun: false }],
  ])('is not what %s', (_what, changes) => {
    const request = requestFor(selfTestServiceAccount('acr', 'q'));
    expect(isSelfTest(request)).toBe(true);
    expect(isSelfTest({ ...request, ...changes })).toBe(false);
  });
});

describe('the answer to a self-test', () => {
  it('is a patch to what is being created, and none to what exists', () => {
    const request = requestFor(selfTestServiceAccount('acr', 'q'));
    const patch = [{ op: 'add', path: '/metadata/annotations/acr-credential-injector~1self-test-answer', value: 'q' }];
    expect(answerSelfTest(request)).toMatchObject({ reason: 'SelfTest', outcome: { allowed: true, patch } });
    expect(answerSelfTest({ ...request, operation: 'UPDATE' }).outcome).toEqual({ allowed: true });
  });
});

describe('the self-tests', () => {
  it('pass every minute, of which is told once', async () => {
    const start = clock.now();
    await clock.pass(180_000);
    expect(asked.map(({ at }) => at - start)).toEqual([0, 60_000, 120_000, 180_000]);
    expect(turns).toEqual([true]);
    expect(selfTest.state).toEqual({ passed: true, testedAt: start + 180_000, lastFailure: undefined });
    expect(selfTest.provenAt).toBe(start + 180_000);
  });

  it('do not fail because of one that does: the API server may not have read the registration yet', async () => {
    await clock.pass(0);
    answer = unasked;
    await clock.pass(61_999);
    expect([selfTest.state.passed, selfTest.provenAt]).toEqual([true, undefined]);
    answer = admitted;
    await clock.pass(1);
    expect(turns).toEqual([true]);
  });

  it.each([
    ['no answer', unasked, /without our admission/],
    ['an object of that name', (account: ServiceAccount) => withVersion(account), /exists and is in the way/],
    ['a refusal', refusing, /403 Forbidden/],
  ])('fail because of %s, tell why once, and find the end of it soon', async (_what, wrong, reason) => {
    await clock.pass(0);
    answer = wrong;
    await clock.pass(62_000);
    const failedAt = clock.now();
    expect(selfTest.state).toMatchObject({ passed: false, lastFailure: { at: failedAt } });
    expect(selfTest.state.lastFailure?.reason).toMatch(reason);
    expect(selfTest.provenAt).toBeUndefined();
    await clock.pass(9_999);
    answer = admitted;
    await clock.pass(1);
    expect(turns).toEqual([true, expect.stringMatching(reason), true]);
    expect(selfTest.state).toMatchObject({ passed: true, lastFailure: { at: failedAt } });
  });

  it('rest while there is nothing to test, and say nothing then', async () => {
    await clock.pass(0);
    isOn = false;
    await clock.pass(300_000);
    expect(asked).toHaveLength(1);
    expect(selfTest.state.passed).toBeUndefined();
    expect(selfTest.provenAt).toBeUndefined();
    isOn = true;
    await clock.pass(1_000);
    expect(selfTest.state.passed).toBe(true);
  });

  it('come sooner when somebody wants to know', async () => {
    await clock.pass(5_000);
    selfTest.hasten();
    await clock.pass(0);
    expect(asked).toHaveLength(2);
    expect(selfTest.provenAt).toBe(clock.now());
  });

  it('end when the term of the leader does, and know nothing any more', async () => {
    await clock.pass(0);
    end.abort();
    await clock.pass(300_000);
    expect(asked).toHaveLength(1);
    expect(selfTest.state.passed).toBeUndefined();
  });
});

function withVersion(account: ServiceAccount): ServiceAccount {
  return { ...account, metadata: { ...account.metadata, resourceVersion: '7' } };
}
