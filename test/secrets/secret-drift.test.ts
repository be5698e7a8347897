import { describe, expect, it } from 'vitest';
import type { Secret } from '../../src/kube/objects.ts';
import { pullSecret } from '../../src/secrets/pull-secret.ts';
import { foreignReason, observeSecret, writeReason } from '../../src/secrets/secret-drift.ts';
import { contentOf } from '../builders/content.ts';
import { secretAt } from '../builders/kube-objects.ts';

const ref = { namespace: 'team-a', name: 'pull' };
const desired = contentOf('now', 5);

function storedWith(change: Partial<Secret> = {}, content = desired): Secret {
  const secret = pullSecret(ref, content);
  return { ...secret, ...change, metadata: { ...secret.metadata, uid: 'u', resourceVersion: '3', ...change.metadata } };
}

describe('what is kept of a Secret', () => {
  it('is no token', () => {
    const { data } = storedWith();
    expect(JSON.stringify(observeSecret(storedWith()))).not.toContain(data?.['.dockerconfigjson']);
  });

  it('tells one as this service made it', () => {
    expect(observeSecret(storedWith())).toEqual({
      resourceVersion: '3',
      uid: 'u',
      type: 'kubernetes.io/dockerconfigjson',
      immutable: false,
      managed: true,
      hash: desired.hash,
      expiresAt: desired.expiresAt,
      generation: 5,
    });
  });

  it('tells what it really holds, whatever its annotation says', () => {
    const observed = observeSecret(storedWith({ data: { '.dockerconfigjson': 'e30=' } }));
    expect(observed.hash).not.toBe(desired.hash);
    expect(observed.generation).toBe(0);
  });

  it('tells one of somebody else', () => {
    expect(observeSecret(secretAt('a/b', { immutable: true }))).toMatchObject({
      type: 'Opaque',
      immutable: true,
      managed: false,
      generation: 0,
    });
  });
});

describe('a Secret of our name', () => {
  it.each([
    ['ours when there is none', undefined, null],
    ['ours when we made it', storedWith(), null],
    ['ours to adopt when it is of that type', storedWith({ metadata: { labels: {} } }), null],
    ["somebody's when it is of another type", storedWith({ type: 'Opaque' }), 'ForeignType'],
    ["somebody's when it cannot be changed", storedWith({ immutable: true }), 'Immutable'],
  ])('is %s', (_, secret, reason) => {
    expect(foreignReason(secret && observeSecret(secret))).toBe(reason);
  });
});

describe('a later generation that lives shorter', () => {
  it('is written over: it is no work of a later leader', () => {
    const hand = { ...contentOf('hand', 9), expiresAt: desired.expiresAt - 1 };
    const observed = observeSecret(storedWith({}, hand));
    expect(writeReason({ observed, desired, staleHash: undefined })).not.toBeNull();
  });
});

describe('the reason to write', () => {
  function reason(secret: Secret | undefined, staleHash?: string) {
    return writeReason({ observed: secret && observeSecret(secret), desired, staleHash });
  }
  const tampered = { '.dockerconfigjson': Buffer.from('{"auths":{}}').toString('base64') };

  it.each<[string, Secret | undefined, string | null]>([
    ['Missing when there is none', undefined, 'Missing'],
    ['none when it is as it should be', storedWith(), null],
    ['Adopted when it was not ours, even with our content', storedWith({ metadata: { labels: {} } }), 'Adopted'],
    ['Renewed when it holds the tokens of before', storedWith({}, contentOf('before', 4)), 'Renewed'],
    ['none when it holds the same tokens of a later write', storedWith({}, contentOf('now', 6)), null],
    ['none when it holds the same tokens of an earlier write', storedWith({}, contentOf('now', 4)), null],
    ['none when it holds newer tokens than are known here', storedWith({}, contentOf('next', 6)), null],
    ['Drifted when its data was changed', storedWith({ data: tampered }), 'Drifted'],
    ['Drifted when its data was taken away', storedWith({ data: {} }), 'Drifted'],
    [
      'Drifted when the configuration chose other tokens of the same write',
      storedWith({}, contentOf('other', 5)),
      'Drifted',
    ],
    [
      'Drifted when its data was changed by somebody who claims a newer generation',
      storedWith({ data: tampered, metadata: { annotations: { 'acr-credential-injector/generation': '999' } } }),
      'Drifted',
    ],
  ])('is %s', (_, secret, expected) => {
    expect(reason(secret)).toBe(expected);
  });

  it('is none when the Secret only still holds a token that has expired since', () => {
    const before = contentOf('before', 4);
    expect(reason(storedWith({}, before), before.hash)).toBeNull();
  });
});
