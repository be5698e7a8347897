import { describe, expect, it } from 'vitest';
import { pullSecretsState, PullSecretsStates } from '../../src/secrets/pull-secrets-state.ts';
import { observeSecret, type ObservedSecret } from '../../src/secrets/secret-drift.ts';
import { contentOf, desiredSecrets } from '../builders/content.ts';
import { secretAt } from '../builders/kube-objects.ts';

const names = ['pull', 'pull-2', 'pull-3'];
const live = contentOf('token');
const ours = observeSecret(secretAt('a/pull', { type: 'kubernetes.io/dockerconfigjson' }));
const foreign = observeSecret(secretAt('a/pull', { type: 'Opaque' }));

/** The Secrets of these names are there. */
const there =
  (secrets: Record<string, ObservedSecret> = {}) =>
  (name: string) =>
    secrets[name];

describe('the pull Secrets that lists are to name', () => {
  it('are those that hold a token', () => {
    expect(pullSecretsState(desiredSecrets(live, live), there())).toMatchObject({
      attach: ['pull', 'pull-2'],
      keep: ['pull', 'pull-2'],
    });
  });

  it('are none before there is any token', () => {
    const state = pullSecretsState(desiredSecrets(undefined), there({ pull: ours }));
    expect(state).toMatchObject({ attach: [], keep: ['pull'] });
  });

  it('are those, too, that are there and lack a token for now', () => {
    const { attach } = pullSecretsState(desiredSecrets(live, undefined), there());
    expect(attach).toEqual(['pull']);
    const found = pullSecretsState(desiredSecrets(live, undefined), there({ 'pull-2': ours }));
    expect(found.attach).toEqual(['pull', 'pull-2']);
    expect(pullSecretsState(desiredSecrets(undefined, live), there()).attach).toEqual(['pull-2']);
  });

  it('are none where the first is somebody else’s, and lack a further one that is', () => {
    expect(pullSecretsState(desiredSecrets(live, live), there({ pull: foreign })).attach).toEqual([]);
    expect(pullSecretsState(desiredSecrets(live, live), there({ 'pull-2': foreign })).attach).toEqual(['pull']);
  });

  it('may be all that a namespace could have, until it is certain which it needs', () => {
    expect(pullSecretsState({ ...desiredSecrets(live), mayNeed: names }, there()).keep).toEqual(names);
  });
});

describe('a namespace’s pull Secrets', () => {
  it('are known once each one that has something to hold is there and ours', () => {
    const desired = desiredSecrets(live, live, undefined);
    expect(pullSecretsState(desired, there({ pull: ours })).isKnown).toBe(false);
    expect(pullSecretsState(desired, there({ pull: ours, 'pull-2': foreign })).isKnown).toBe(false);
    expect(pullSecretsState(desired, there({ pull: ours, 'pull-2': ours })).isKnown).toBe(true);
  });

  it('are not known while there is nothing for any of them to hold', () => {
    const state = pullSecretsState(desiredSecrets(undefined), there({ pull: ours }));
    expect(state).toMatchObject({ hasContent: false, isKnown: false });
  });

  it('are somebody else’s where the first one is', () => {
    expect(pullSecretsState(desiredSecrets(live, live), there({ pull: foreign })).foreign).toBe('ForeignType');
    expect(pullSecretsState(desiredSecrets(live, live), there({ 'pull-2': foreign })).foreign).toBeNull();
  });
});

it('their state is one object for all namespaces that have them alike, and never that of others', () => {
  const states = new PullSecretsStates();
  const desired = desiredSecrets(live, live);
  const immutable = observeSecret({
    ...secretAt('a/pull', { type: 'kubernetes.io/dockerconfigjson' }),
    immutable: true,
  });
  const kinds = [undefined, ours, foreign, immutable];
  const pairs = kinds.flatMap((first) => kinds.map((second) => [first, second] as const));
  const found = pairs.map(
    ([first, second]) =>
      (name: string) =>
        name === 'pull' ? first : second,
  );
  const made = found.map((observed) => states.of(desired, observed));
  expect(made).toEqual(found.map((observed) => pullSecretsState(desired, observed)));
  expect(new Set(made).size).toBe(pairs.length);
  for (const [index, observed] of found.entries()) expect(states.of(desired, observed)).toBe(made[index]);
  expect(states.of(desiredSecrets(live, live), found[0]!)).not.toBe(made[0]);
});
