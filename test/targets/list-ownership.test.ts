import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ManagedFieldsEntry } from '../../src/kube/objects.ts';
import { fieldManagerFor, listOwner, releasePatch } from '../../src/targets/list-ownership.ts';
import { listOwnedBy, serviceAccountAt } from '../builders/kube-objects.ts';
import { takeList } from '../fakes/field-ownership.ts';

const US = 'acr-credential-injector';

const withFields = (managedFields?: ManagedFieldsEntry[]) =>
  serviceAccountAt('a/b', ['pull'], { resourceVersion: '7', ...(managedFields && { managedFields }) });
const owned = (...managers: string[]) => withFields(managers.map(listOwnedBy));
const applied = (manager: string, fieldsV1: object = { 'f:imagePullSecrets': {} }): ManagedFieldsEntry => ({
  ...listOwnedBy(manager),
  operation: 'Apply',
  fieldsV1,
});

describe('whose the list is', () => {
  it.each<[string, string[], string]>([
    ['nobody', [], 'nobody'],
    ['somebody else', ['helm'], 'other'],
    ['us', [US], 'us'],
    ['us, for a while', ['helm', `${US}?Apply=helm`], 'us'],
    ['somebody else whose name is like ours', [`${US}-2`], 'other'],
  ])('is told: %s', (_, managers, expected) => {
    expect(listOwner(owned(...managers))).toBe(expected);
  });

  it('is not told by who wrote something else', () => {
    expect(listOwner(withFields([applied('helm', { 'f:metadata': {} }), { manager: 'kubectl' }]))).toBe('nobody');
    expect(listOwner(withFields())).toBe('nobody');
  });
});

describe('the name of a patch of the list', () => {
  it('says whose it is', () => {
    expect(fieldManagerFor(withFields())).toBe(US);
    expect(fieldManagerFor(withFields([applied('helm', { 'f:metadata': {} })]))).toBe(US);
    expect(fieldManagerFor(owned('kubectl edit'))).toBe(`${US}?Update=kubectl+edit`);
    expect(fieldManagerFor(withFields([applied('helm'), applied('argo&cd')]))).toBe(`${US}?Apply=helm&Apply=argo%26cd`);
  });

  it('still says it where an earlier patch of ours took it and was not followed up', () => {
    expect(fieldManagerFor(owned(`${US}?Apply=helm`))).toBe(`${US}?Apply=helm`);
    expect(fieldManagerFor(owned(US))).toBe(US);
  });

  it('is never too long for the API server', () => {
    const [long, short] = ['x'.repeat(120), 'helm'];
    expect(fieldManagerFor(owned(long, short))).toBe(`${US}?Update=helm`);
    expect(fieldManagerFor(owned(long))).toBe(US);
  });
});

describe('giving the list back', () => {
  const released = (...entries: ManagedFieldsEntry[]) => releasePatch(withFields(entries))?.[1];

  it('is on condition that nothing changed', () => {
    expect(releasePatch(owned(US))?.[0]).toEqual({ op: 'test', path: '/metadata/resourceVersion', value: '7' });
  });

  it('takes our entries away', () => {
    expect(released(listOwnedBy('helm'), listOwnedBy(US), listOwnedBy('kubectl'))).toEqual({
      op: 'replace',
      path: '/metadata/managedFields',
      value: [listOwnedBy('helm'), listOwnedBy('kubectl')],
    });
  });

  it('empties managed fields where there are only ours: an empty list would be ignored', () => {
    expect(released(listOwnedBy(US))).toMatchObject({ value: [{}] });
  });

  it('is nothing where we own nothing', () => {
    expect(releasePatch(owned('helm'))).toBeNull();
    expect(releasePatch(withFields())).toBeNull();
  });

  it('gives it to nobody when ours is an entry without the list', () => {
    expect(released({ ...listOwnedBy(`${US}?Apply=helm`), fieldsV1: {} }, applied('argo'))).toMatchObject({
      value: [applied('argo')],
    });
  });
});

it('a patch of the list and what gives it back leave everybody what they had', () => {
  const manager = fc.constantFrom('helm', 'kubectl edit', 'argo&cd=x', 'ä');
  const fields = fc.constantFrom<object>(
    { 'f:imagePullSecrets': {} },
    { 'f:metadata': { 'f:labels': {} } },
    { 'f:metadata': {}, 'f:imagePullSecrets': {} },
  );
  const entry = fc.record({
    manager,
    operation: fc.constantFrom('Apply' as const, 'Update' as const),
    apiVersion: fc.constant('v1'),
    fieldsType: fc.constant('FieldsV1'),
    fieldsV1: fields,
  });
  const entries = fc.uniqueArray(entry, { minLength: 1, maxLength: 3, selector: (e) => `${e.operation} ${e.manager}` });
  const sorted = (list: ManagedFieldsEntry[]) =>
    list
      .map(({ manager, operation, fieldsV1 = {} }) => `${operation} ${manager} ${Object.keys(fieldsV1).sort().join()}`)
      .sort();
  fc.assert(
    fc.property(entries, (managedFields) => {
      const before = withFields(managedFields);
      const patched = withFields(takeList(managedFields, fieldManagerFor(before)));
      expect(listOwner(patched)).toBe('us');
      const [, release] = releasePatch(patched) ?? [];
      expect(release?.op).toBe('replace');
      if (release?.op === 'replace')
        expect(sorted(release.value as ManagedFieldsEntry[])).toEqual(sorted(managedFields));
    }),
  );
});
