import fc from 'fast-check';
import jsonPatch from 'fast-json-patch';
import { describe, expect, it } from 'vitest';
import type { JsonPatchOperation } from '../../src/kube/kube-client.ts';
import type { LocalObjectReference, ServiceAccount } from '../../src/kube/objects.ts';
import type { ListOwner } from '../../src/targets/list-ownership.ts';
import {
  attachPatch,
  detachPatch,
  observeServiceAccount,
  serviceAccountDrift,
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
      deleting: false,
      createdAt: NaN,
      listOwner: 'nobody',
      managers: [],
    });
    expect(observeServiceAccount(serviceAccountAt('a/b', ['other']), ['pull']).references).toEqual([]);
    const leaving = serviceAccountAt('a/b', [], { deletionTimestamp: '2026-01-02T03:04:05Z' });
    expect(observeServiceAccount(leaving, ['pull']).deleting).toBe(true);
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
    deleting?: boolean;
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
    ['nothing where it is on its way out', { deleting: true }, 'selected', null],
    ['nothing to what leaves, whatever is left in it', { deleting: true, has: true, owner: 'us' }, 'deselected', null],
    ['to give back the list also there', { has: true, optedOut: true, owner: 'us' }, 'selected', 'ReleaseOwnership'],
  ])('is %s', (_, { has = false, optedOut = false, deleting = false, owner = 'nobody' }, selection, expected) => {
    const references = has ? ['pull'] : [];
    const observed = {
      ...observeServiceAccount(serviceAccountAt('a/b', references), ['pull']),
      ...{ optedOut, deleting, listOwner: owner },
    };
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
