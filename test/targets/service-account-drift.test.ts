import fc from 'fast-check';
import jsonPatch from 'fast-json-patch';
import { describe, expect, it } from 'vitest';
import type { JsonPatchOperation } from '../../src/kube/kube-client.ts';
import type { LocalObjectReference, ServiceAccount } from '../../src/kube/objects.ts';
import {
  attachPatch,
  detachPatch,
  observeServiceAccount,
  releasePatch,
  serviceAccountDrift,
  type ListOwner,
  type Selection,
  type ServiceAccountDrift,
} from '../../src/targets/service-account-drift.ts';
import { listOwnedBy, serviceAccountAt } from '../builders/kube-objects.ts';

const US = 'acr-credential-injector';

describe('what is kept of a ServiceAccount', () => {
  const owner = (...managers: string[]) =>
    observeServiceAccount(serviceAccountAt('a/b', [], { managedFields: managers.map(listOwnedBy) }), ['pull'])
      .listOwner;

  it('is which of our references it has, and whether it wants to be left alone', () => {
    const labels = { 'acr-credential-injector/inject': 'false' };
    const account = serviceAccountAt('a/b', ['other', 'pull'], { resourceVersion: '7', labels });
    expect(observeServiceAccount(account, ['pull', 'pull-2'])).toEqual({
      resourceVersion: '7',
      references: ['pull'],
      optedOut: true,
      listOwner: 'nobody',
    });
    expect(observeServiceAccount(serviceAccountAt('a/b', ['other']), ['pull']).references).toEqual([]);
    expect(observeServiceAccount(serviceAccountAt('a/b'), ['pull']).references).toEqual([]);
  });

  it('is who wrote the list', () => {
    expect(owner()).toBe('nobody');
    expect(owner('helm')).toBe('other');
    expect(owner(US)).toBe('us');
    expect(owner('helm', US)).toBe('us');
  });

  it('is not who wrote something else', () => {
    const managedFields = [{ ...listOwnedBy('helm'), fieldsV1: { 'f:metadata': {} } }, { manager: 'kubectl' }];
    expect(observeServiceAccount(serviceAccountAt('a/b', [], { managedFields }), ['pull']).listOwner).toBe('nobody');
  });
});

describe('what is to be done', () => {
  interface State {
    has?: boolean;
    optedOut?: boolean;
    owner?: ListOwner;
  }
  it.each<[string, State, Selection, ServiceAccountDrift | null]>([
    ['to attach where the reference is wanted', {}, 'selected', 'Attach'],
    ['to attach to a list of somebody else, too', { owner: 'other' }, 'selected', 'Attach'],
    ['nothing where it is as wanted', { has: true }, 'selected', null],
    ['nothing where it is not wanted, nor there', {}, 'never', null],
    ['to detach what is wanted no longer', { has: true }, 'deselected', 'Detach'],
    [
      'to detach what is wanted no longer, whoever wrote the list',
      { has: true, owner: 'other' },
      'deselected',
      'Detach',
    ],
    ['nothing where it is wanted no longer, nor there', {}, 'deselected', null],
    ['to detach what nobody else wrote', { has: true }, 'never', 'Detach'],
    ['to detach what we wrote ourselves', { has: true, owner: 'us' }, 'never', 'Detach'],
    ['nothing where somebody else wrote our name into the list', { has: true, owner: 'other' }, 'never', null],
    ['to give back the list that we own', { has: true, owner: 'us' }, 'selected', 'ReleaseOwnership'],
    ['to give back a list that we own without being in it', { owner: 'us' }, 'never', 'ReleaseOwnership'],
    ['nothing where it wants to be left alone', { optedOut: true }, 'selected', null],
    [
      'nothing where it has the reference and wants to be left alone',
      { has: true, optedOut: true },
      'deselected',
      null,
    ],
    ['to give back the list also there', { has: true, optedOut: true, owner: 'us' }, 'selected', 'ReleaseOwnership'],
  ])('is %s', (_, { has = false, optedOut = false, owner = 'nobody' }, selection, expected) => {
    const observed = { resourceVersion: '1', references: has ? ['pull'] : [], optedOut, listOwner: owner };
    const names = selection === 'selected' ? ['pull'] : [];
    expect(serviceAccountDrift(observed, selection, { attach: names, keep: names })).toBe(expected);
  });
});

const entry: fc.Arbitrary<LocalObjectReference> = fc.oneof(
  fc.constantFrom('pull', 'a', 'b', 'a/b~c').map((name) => ({ name })),
  fc.constant({}),
);
const list = fc.option(fc.array(entry, { maxLength: 4 }), { nil: undefined });
const account = list.map((imagePullSecrets): ServiceAccount => ({
  ...serviceAccountAt('a/b'),
  secrets: [{ name: 'x-token' }],
  ...(imagePullSecrets && { imagePullSecrets }),
}));

/** As the API server does it: an absent field passes a test for null. */
function applied(object: ServiceAccount, operations: JsonPatchOperation[]): ServiceAccount {
  const [test, ...rest] = operations;
  expect(test?.op).toBe('test');
  const isForAbsent = test?.op === 'test' && test.value === null;
  if (isForAbsent) expect(object.imagePullSecrets).toBeUndefined();
  const all = isForAbsent ? rest : operations;
  return jsonPatch.applyPatch(structuredClone(object), structuredClone(all), true).newDocument;
}

describe('a patch', () => {
  it('that attaches appends, keeps every other entry in its place, and is none the second time', () => {
    fc.assert(
      fc.property(account, (before) => {
        const operations = attachPatch(before, ['pull']);
        const entries = before.imagePullSecrets ?? [];
        const isThere = entries.some((entry) => entry.name === 'pull');
        expect(operations === null).toBe(isThere);
        if (!operations) return;
        const after = applied(before, operations);
        expect(after).toEqual({ ...before, imagePullSecrets: [...entries, { name: 'pull' }] });
        expect(attachPatch(after, ['pull'])).toBeNull();
      }),
    );
  });

  it('that detaches takes our entries, keeps all others in order, and is none the second time', () => {
    fc.assert(
      fc.property(account, (before) => {
        const operations = detachPatch(before, ['pull']);
        const others = (before.imagePullSecrets ?? []).filter((entry) => entry.name !== 'pull');
        expect(operations === null).toBe(others.length === (before.imagePullSecrets ?? []).length);
        if (!operations) return;
        const after = applied(before, operations);
        const { imagePullSecrets: left, ...rest } = after;
        expect(left).toEqual(others.length > 0 ? others : undefined);
        expect({ ...rest, imagePullSecrets: before.imagePullSecrets }).toEqual(before);
        expect(detachPatch(after, ['pull'])).toBeNull();
      }),
    );
  });

  it('that attaches and one that detaches cancel each other', () => {
    fc.assert(
      fc.property(account, (before) => {
        fc.pre((before.imagePullSecrets ?? []).length > 0 && attachPatch(before, ['pull']) !== null);
        const attached = applied(before, attachPatch(before, ['pull'])!);
        expect(applied(attached, detachPatch(attached, ['pull'])!)).toEqual(before);
      }),
    );
  });

  it('does not apply where somebody changed the list meanwhile', () => {
    fc.assert(
      fc.property(account, account, (seen, real) => {
        fc.pre(JSON.stringify(seen) !== JSON.stringify(real));
        for (const operations of [attachPatch(seen, ['pull']), detachPatch(seen, ['pull'])]) {
          if (operations) expect(() => applied(real, operations)).toThrow();
        }
      }),
    );
  });
});

describe('giving back ownership', () => {
  const owned = (...managers: string[]) =>
    serviceAccountAt('a/b', ['pull'], { resourceVersion: '7', managedFields: managers.map(listOwnedBy) });

  it('removes our entries, on condition that nothing changed', () => {
    expect(releasePatch(owned('helm', US, 'kubectl', US))).toEqual([
      { op: 'test', path: '/metadata/resourceVersion', value: '7' },
      { op: 'replace', path: '/metadata/managedFields', value: [listOwnedBy('helm'), listOwnedBy('kubectl')] },
    ]);
  });

  it('gives it to who had it before our patch, which took it from them', () => {
    const [patched, before] = [owned('kubectl', US), owned('kubectl', 'helm')];
    expect(releasePatch(patched, before)?.[1]).toMatchObject({
      value: [listOwnedBy('kubectl'), listOwnedBy('helm')],
    });
    expect(releasePatch(patched, owned(US))?.[1]).toMatchObject({ value: [{}] });
    expect(releasePatch(owned('kubectl'), before)).toBeNull();
  });

  it('empties the list where there are only ours: an empty one would be ignored', () => {
    expect(releasePatch(owned(US))?.[1]).toEqual({ op: 'replace', path: '/metadata/managedFields', value: [{}] });
  });

  it('is nothing where we own nothing', () => {
    expect(releasePatch(owned('helm'))).toBeNull();
    expect(releasePatch(serviceAccountAt('a/b'))).toBeNull();
  });
});
