import { describe, expect, it } from 'vitest';
import type { Secret } from '../../src/kube/objects.ts';
import { hashOf, pullSecret, pullSecretContent, type PullSecretContent } from '../../src/secrets/pull-secret.ts';
import { foreignReason, heldUntil, observeSecret, writeReason } from '../../src/secrets/secret-drift.ts';
import { contentOf, emptyContent, sourcesWith } from '../builders/content.ts';
import { HOUR_MS, START } from '../builders/credential.ts';
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
      managers: [],
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
    expect(writeReason({ observed, desired, staleHash: 'none', isAnswered: () => true, now: START })).not.toBeNull();
  });
});

describe('the reason to write', () => {
  function reason(secret: Secret | undefined, staleHash = 'none') {
    const observed = secret && observeSecret(secret);
    return writeReason({ observed, desired, staleHash, isAnswered: () => true, now: START });
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

describe('a content without a token, where tokens belong', () => {
  const staticOnly = pullSecretContent(
    sourcesWith({ tokens: { generation: 5, since: 3, credentials: new Map() }, others: { 'hub.example.com': {} } }),
    START,
  );
  const nothing = { ...emptyContent(5), since: 3 };
  const adopted = storedWith({ metadata: { labels: {}, creationTimestamp: new Date(START).toISOString() } });

  function reason(
    secret: Secret | undefined,
    content: PullSecretContent,
    rest: { isAnswered?: () => boolean; now?: number } = {},
  ) {
    const observed = secret && observeSecret(secret);
    return writeReason({ observed, desired: content, staleHash: 'none', isAnswered: () => true, now: START, ...rest });
  }

  it('makes a Secret only where there is something to put into it', () => {
    expect([reason(undefined, staticOnly), reason(undefined, nothing)]).toEqual(['Missing', null]);
    expect(reason(undefined, staticOnly, { isAnswered: () => false })).toBe('Missing');
  });

  it('takes what is not meant to be there any more out of one that is, even all of it', () => {
    const before = storedWith({}, contentOf('before', 4));
    expect([reason(before, staticOnly), reason(before, nothing)]).toEqual(['Renewed', 'Renewed']);
    const earlier = storedWith({}, { ...staticOnly, data: 'e30=', hash: hashOf('e30=') });
    expect(reason(earlier, staticOnly)).toBe('Drifted');
  });

  it('waits for no answer of a registry that may never come', () => {
    expect(reason(storedWith({}, contentOf('before', 4)), staticOnly, { isAnswered: () => false })).toBe('Renewed');
  });

  it.each([
    ['somebody else filled', adopted],
    ['was made before the tokens Secret was lost', storedWith({}, contentOf('before', 2))],
    ['a later leader made', storedWith({}, contentOf('later', 6))],
  ])('takes no login out of one that %s before that has expired', (_, secret) => {
    expect(reason(secret, staticOnly)).toBeNull();
    expect(reason(secret, staticOnly, { now: START + HOUR_MS - 1 })).toBeNull();
    expect(reason(secret, staticOnly, { now: START + HOUR_MS })).not.toBeNull();
    const observed = observeSecret(secret);
    expect(heldUntil({ observed, desired: staticOnly, isAnswered: () => true })).toBe(START + HOUR_MS);
  });

  it('adopts nothing for the sake of nothing', () => {
    expect(reason(adopted, nothing, { now: START + HOUR_MS })).toBeNull();
  });

  it('counts the last write of somebody else, not the first', () => {
    const managedFields = [{ time: new Date(START + HOUR_MS).toISOString() }, {}];
    const secret = storedWith({ metadata: { ...adopted.metadata, managedFields } });
    expect(observeSecret(secret).expiresAt).toBe(START + 2 * HOUR_MS);
  });
});

it('a content of which not everything is known yet replaces nothing', () => {
  const desired = { ...contentOf('now', 5), isPartial: true };
  const observed = observeSecret(storedWith({}, contentOf('before', 4)));
  const state = { desired, staleHash: 'none', isAnswered: () => true, now: START };
  expect(writeReason({ ...state, observed })).toBeNull();
  expect(writeReason({ ...state, observed: undefined })).toBe('Missing');
});
