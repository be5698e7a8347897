import { describe, expect, it } from 'vitest';
import {
  isTerminating,
  leftovers,
  nameOf,
  seenSecret,
  seenServiceAccount,
  type Sightings,
} from '../../src/cleanup/leftovers.ts';
import { namespaceNamed, refAt, secretAt, serviceAccountAt } from '../builders/kube-objects.ts';

const ours = { labels: { 'app.kubernetes.io/managed-by': 'acr-credential-injector' } };
const names = ['pull', 'pull-2'];

const secret = (key: string, metadata: object = ours) =>
  seenSecret(secretAt(key, {}, { uid: `uid of ${key}`, ...metadata }));
const account = (key: string, list: string[]) => seenServiceAccount(serviceAccountAt(key, list), names)!;
const found = (sightings: Partial<Sightings>) =>
  leftovers({
    terminating: new Set(),
    unreadable: [],
    mayBeReadable: false,
    registration: undefined,
    serviceAccounts: [],
    secrets: [],
    ...sightings,
  });

describe('what is left of the service', () => {
  it('is the registration, then references, then Secrets', () => {
    const left = found({
      secrets: [secret('a/pull')],
      serviceAccounts: [account('a/app', ['mine', 'pull-2', 'pull'])],
      registration: { ref: { name: 'zz-acr-credential-injector' }, uid: '1' },
    });
    expect(left.map(nameOf)).toEqual([
      'MutatingWebhookConfiguration zz-acr-credential-injector',
      'ServiceAccount a/app',
      'Secret a/pull',
    ]);
    expect(left[1]).toMatchObject({ secretNames: ['pull', 'pull-2'] });
    expect(left[2]).toMatchObject({ uid: 'uid of a/pull' });
  });

  it('is no ServiceAccount that names none of its Secrets', () => {
    expect(seenServiceAccount(serviceAccountAt('a/app', ['mine']), names)).toBeUndefined();
    expect(seenServiceAccount(serviceAccountAt('a/app'), names)).toBeUndefined();
  });

  it('is a reference to a Secret that is gone already', () => {
    expect(found({ serviceAccounts: [account('a/app', ['pull'])] }).map(nameOf)).toEqual(['ServiceAccount a/app']);
  });

  it("is neither somebody else's Secret of the same name, nor a reference to it", () => {
    const secrets = [secret('a/pull', {}), secret('b/pull', { labels: { 'app.kubernetes.io/managed-by': 'Helm' } })];
    const serviceAccounts = [
      account('a/app', ['pull']),
      account('a/both', ['pull', 'pull-2']),
      account('b/app', ['pull']),
    ];
    expect(found({ secrets, serviceAccounts })).toEqual([
      { kind: 'ServiceAccount', ref: refAt('a/both'), secretNames: ['pull-2'] },
    ]);
  });

  it('is nothing in a namespace that is on its way out', () => {
    const there = { secrets: [secret('a/pull')], serviceAccounts: [account('a/app', ['pull'])] };
    expect(found({ ...there, terminating: new Set(['a']) })).toEqual([]);
    expect(found({ ...there, terminating: new Set(['b']) })).toHaveLength(2);
  });

  it('knows such a namespace by its phase, or by its deletion', () => {
    expect(isTerminating(namespaceNamed('a'))).toBe(false);
    expect(isTerminating(namespaceNamed('a', { deletionTimestamp: '2026-01-02T03:04:05Z' }))).toBe(true);
    expect(isTerminating({ ...namespaceNamed('a'), status: { phase: 'Terminating' } })).toBe(true);
  });
});
