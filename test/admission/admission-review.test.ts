import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatAdmissionReview,
  parseAdmissionReview,
  UnreadableReviewError,
} from '../../src/admission/admission-review.ts';

interface Answer {
  apiVersion: string;
  kind: string;
  response: Record<string, unknown> & { warnings?: string[]; patch?: string };
}

const answerOf = (...args: Parameters<typeof formatAdmissionReview>) =>
  JSON.parse(formatAdmissionReview(...args)) as Answer;

const object = { metadata: { name: 'app' } };
const request = {
  uid: 'u',
  resource: { group: '', version: 'v1', resource: 'pods' },
  namespace: 'a',
  operation: 'CREATE',
  object,
};
const typed = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' };
const reviewOf = (fields: object) => JSON.stringify({ ...typed, request: { ...request, ...fields } });

function unreadable(body: string): UnreadableReviewError {
  try {
    parseAdmissionReview(body);
  } catch (error) {
    expect(error).toBeInstanceOf(UnreadableReviewError);
    return error as UnreadableReviewError;
  }
  return expect.unreachable('it was read');
}

describe('a review', () => {
  it('is read as far as decisions need it', () => {
    const oldObject = { metadata: { name: 'before' } };
    const fields = {
      operation: 'UPDATE',
      subResource: 'status',
      dryRun: true,
      oldObject,
      options: { fieldManager: 'me' },
    };
    expect(parseAdmissionReview(reviewOf(fields))).toEqual({
      uid: 'u',
      resource: 'pods',
      subresource: 'status',
      operation: 'UPDATE',
      namespace: 'a',
      dryRun: true,
      fieldManager: 'me',
      object,
      oldObject,
    });
  });

  it('may lack what is not needed', () => {
    expect(parseAdmissionReview(reviewOf({ namespace: undefined, oldObject: null, options: null }))).toMatchObject({
      namespace: '',
      dryRun: false,
      fieldManager: '',
      oldObject: undefined,
    });
  });

  it.each([
    [{ group: 'metrics.k8s.io', version: 'v1', resource: 'pods' }, 'pods.v1.metrics.k8s.io'],
    [{ group: '', version: 'v2', resource: 'pods' }, 'pods.v2.'],
    [{ resource: 'pods' }, 'pods..'],
  ])('of resource %o does not pass for one of the core', (resource, expected) => {
    expect(parseAdmissionReview(reviewOf({ resource })).resource).toBe(expected);
  });

  it('keeps names that mean something to JavaScript', () => {
    const labels = '{"__proto__":"x","constructor":"y"}';
    const body = reviewOf({ object: { metadata: { labels: 0 } } });
    expect(
      Object.keys(parseAdmissionReview(body.replace('"labels":0', `"labels":${labels}`)).object.metadata.labels ?? {}),
    ).toEqual(['__proto__', 'constructor']);
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{"request":'],
    ['null', 'null'],
    ['a list', '[]'],
    ['no request', '{}'],
    ['no uid', '{"request":{}}'],
    ['an empty uid', reviewOf({ uid: '' })],
    ['a uid that is no text', reviewOf({ uid: 5 })],
  ])('that is %s cannot be answered', (_, body) => {
    expect(unreadable(body).uid).toBeUndefined();
  });

  it.each([
    ['no resource', reviewOf({ resource: undefined })],
    ['no object', reviewOf({ object: null })],
    ['an object without metadata', reviewOf({ object: { spec: {} } })],
    ['a list for an object', reviewOf({ object: [] })],
    ['another version', JSON.stringify({ ...typed, apiVersion: 'admission.k8s.io/v1beta1', request })],
    ['another kind', JSON.stringify({ ...typed, kind: 'ConversionReview', request })],
    ['no kind', JSON.stringify({ request })],
  ])('that has %s can be answered, as its uid is known', (_, body) => {
    expect(unreadable(body).uid).toBe('u');
  });

  it('of any bytes is either read or told to be unreadable', () => {
    const almost = fc.record(
      {
        uid: fc.anything(),
        resource: fc.anything(),
        object: fc.anything(),
        oldObject: fc.anything(),
        options: fc.anything(),
      },
      { requiredKeys: [] },
    );
    const body = fc.oneof(
      fc.uint8Array().map((bytes) => Buffer.from(bytes).toString()),
      fc.json(),
      almost.map((fields) => JSON.stringify({ ...typed, request: fields }, jsonable)),
    );
    fc.assert(
      fc.property(body, (text) => {
        try {
          expect(parseAdmissionReview(text).uid).not.toBe('');
        } catch (error) {
          expect(error).toBeInstanceOf(UnreadableReviewError);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('nested deeper than anything real is told to be unreadable', () => {
    expect(unreadable('['.repeat(200_000)).uid).toBeUndefined();
  });
});

describe('an answer', () => {
  it('that allows says only that', () => {
    expect(answerOf('u', { allowed: true })).toEqual({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: 'u', allowed: true },
    });
    expect(answerOf('u', { allowed: true, patch: [], warnings: [] }).response).toEqual({ uid: 'u', allowed: true });
  });

  it('that patches carries the JSON Patch in base64', () => {
    const patch = [{ op: 'add' as const, path: '/imagePullSecrets', value: [{ name: 'pull' }] }];
    const { response } = answerOf('u', { allowed: true, patch, auditAnnotations: { 'image-pull-secret': 'pull' } });
    expect(response).toMatchObject({
      uid: 'u',
      allowed: true,
      patchType: 'JSONPatch',
      auditAnnotations: { 'image-pull-secret': 'pull' },
    });
    expect(JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString())).toEqual(patch);
  });

  it('that denies says why, and that kubectl is to try again', () => {
    expect(answerOf('u', { allowed: false, message: 'not yet', retryAfterSeconds: 1 }).response).toEqual({
      uid: 'u',
      allowed: false,
      status: {
        status: 'Failure',
        code: 503,
        reason: 'ServiceUnavailable',
        message: 'not yet',
        details: { retryAfterSeconds: 1 },
      },
    });
  });

  it('that many reviews share has the uid of each', () => {
    const shared = { allowed: true as const, warnings: ['careful'] };
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (uid) => {
        expect(answerOf(uid, shared).response).toEqual({ uid, allowed: true, warnings: ['careful'] });
      }),
    );
  });

  it('has warnings of at most 120 characters', () => {
    const { response } = answerOf('u', { allowed: true, warnings: ['short', 'x'.repeat(500)] });
    expect(response.warnings?.map(({ length }) => length)).toEqual([5, 120]);
  });
});

function jsonable(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
