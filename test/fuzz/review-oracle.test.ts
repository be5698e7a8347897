import { describe, expect, it } from 'vitest';
import { faultOf } from './review-oracle.ts';

const sent = Buffer.from('{"request":{"uid":"u","object":{"metadata":{}}}}');
const answer = (response: object, status = 200) => ({
  status,
  body: JSON.stringify({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response }),
});
const patched = (operations: object[]) =>
  answer({
    uid: 'u',
    allowed: true,
    patchType: 'JSONPatch',
    patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
  });
const refused = { status: 400, body: '{"error":"why"}' };

describe('what judges answers', () => {
  it('finds nothing wrong with a good one', () => {
    expect(faultOf(sent, answer({ uid: 'u', allowed: true }))).toBeUndefined();
    expect(faultOf(sent, patched([{ op: 'add', path: '/imagePullSecrets', value: [] }]))).toBeUndefined();
    expect(faultOf(Buffer.from('no'), refused)).toBeUndefined();
  });

  it.each([
    ['a refusal of a review with a uid', refused],
    ['another uid', answer({ uid: 'x', allowed: true })],
    ['no answer at all', { status: 200, body: '' }],
    ['a denial', answer({ uid: 'u', allowed: false })],
    ['a long warning', answer({ uid: 'u', allowed: true, warnings: ['x'.repeat(121)] })],
    ['an empty patch', patched([])],
    ['a patch with a test', patched([{ op: 'test', path: '/metadata', value: {} }])],
    ['a patch that cannot be applied', patched([{ op: 'add', path: '/spec/imagePullSecrets', value: [] }])],
  ])('finds %s', (_, wrong) => {
    expect(faultOf(sent, wrong)).toBeDefined();
  });

  it.each([
    ['an answer to what has no uid', answer({ uid: 'u', allowed: true })],
    ['a refusal without a reason', { status: 400, body: '' }],
    ['another status', { status: 500, body: '{"error":"why"}' }],
  ])('finds %s', (_, wrong) => {
    expect(faultOf(Buffer.from('no'), wrong)).toBeDefined();
  });
});
