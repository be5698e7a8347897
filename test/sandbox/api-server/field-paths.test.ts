import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ApiObject } from './api-object.ts';
import { applyConfiguration } from './apply.ts';
import { fieldPathsOf, fromFieldsV1, readablePath, removePath, toFieldsV1 } from './field-paths.ts';

const names = fc.constantFrom('a', 'b', 'app.kubernetes.io/name', 'a.b/c');
const maps = fc.dictionary(names, fc.constantFrom('1', '2'), { maxKeys: 3 });
const account = fc.record({
  labels: maps,
  data: maps,
  secrets: fc.uniqueArray(names, { maxLength: 3 }),
  pull: fc.array(names, { maxLength: 2 }),
});

function objectOf({
  labels,
  data,
  secrets,
  pull,
}: typeof account extends fc.Arbitrary<infer T> ? T : never): ApiObject {
  const named = (name: string) => ({ name });
  return {
    kind: 'ServiceAccount',
    apiVersion: 'v1',
    metadata: { name: 'x', ...(Object.keys(labels).length > 0 && { labels }) },
    ...(Object.keys(data).length > 0 && { data }),
    ...(secrets.length > 0 && { secrets: secrets.map(named) }),
    ...(pull.length > 0 && { imagePullSecrets: pull.map(named) }),
  };
}

const author = { manager: 'm', time: '2030-01-01T00:00:00Z' };

describe('field paths', () => {
  it('survive being written as fieldsV1', () => {
    fc.assert(
      fc.property(account, (fields) => {
        const paths = new Set(fieldPathsOf(objectOf(fields)).keys());
        expect(fromFieldsV1(toFieldsV1(paths))).toEqual(paths);
      }),
    );
  });

  it('lead to what they were made of: an object without any of them is empty', () => {
    fc.assert(
      fc.property(account, (fields) => {
        const object = objectOf(fields);
        for (const path of fieldPathsOf(object).keys()) removePath(object, path);
        expect(fieldPathsOf(object).size).toBe(0);
      }),
    );
  });

  it('are read by people as in the conflicts of the API server', () => {
    const object = { ...objectOf({ labels: { a: '1' }, data: {}, secrets: ['b'], pull: [] }) };
    expect([...fieldPathsOf(object).keys()].map(readablePath)).toEqual([
      '.metadata.labels.a',
      '.secrets[name="b"]',
      '.secrets[name="b"].name',
    ]);
  });
});

describe('apply', () => {
  it('of one configuration after another leaves what the last one says', () => {
    fc.assert(
      fc.property(account, account, (before, after) => {
        const live = applyConfiguration(undefined, objectOf(before), author, false);
        const next = applyConfiguration(live, objectOf(after), author, false);
        expect(fieldPathsOf(next)).toEqual(fieldPathsOf(objectOf(after)));
      }),
    );
  });

  it('twice is the same as once', () => {
    fc.assert(
      fc.property(account, (fields) => {
        const once = applyConfiguration(undefined, objectOf(fields), author, false);
        const later = { ...author, time: '2031-01-01T00:00:00Z' };
        expect(applyConfiguration(once, objectOf(fields), later, false)).toEqual(once);
      }),
    );
  });
});
