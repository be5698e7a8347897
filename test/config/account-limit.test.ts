import { expect, test } from 'vitest';
import { configOf, problemsOf } from './parse.ts';

/** Entries of as many accounts; `fields` of each, by its number from 0. */
const accounts = (count: number, fields: (index: number) => string) => ({
  'acr-registry-info': Array.from(
    { length: count },
    (_, i) => `- ${fields(i)}\n  customAccessKeySecretRef: account-${i}\n`,
  ).join(''),
});

test('five accounts on one domain are as many as there are pull Secrets', () => {
  expect(configOf(accounts(5, () => 'domains: a.com')).registries).toHaveLength(5);
});

test.each([
  ['domains: a.com', 'a.com'],
  ['domains: b.com,a.com', 'b.com'],
  ['regionId: cn-a', 'the Personal instance of cn-a'],
  ['instanceId: ""', 'the Personal instance'],
  ['instanceId: cri-a', 'cri-a'],
])('a sixth with %j is refused where it stands', (field, domain) => {
  expect(problemsOf(accounts(6, () => field))).toEqual([
    `acr-registry-info line 11, column 3: found account number 6 on \`${domain}\` for one namespace; write at most 5 of them, or \`namespaces\` that keep them apart`,
  ]);
});

test('accounts that never meet in a namespace are not counted together', () => {
  expect(configOf(accounts(9, (i) => `domains: a.com\n  namespaces: team-${i}`)).registries).toHaveLength(9);
  expect(configOf(accounts(6, (i) => `domains: ${i}.a.com`)).registries).toHaveLength(6);
});

test('an account for every namespace meets those of any one', () => {
  const data = accounts(6, (i) => (i < 5 ? 'domains: a.com\n  namespaces: team-a,team-b' : 'domains: a.com'));
  expect(problemsOf(data)).toHaveLength(1);
});

test('one account on one domain is one, however often it is listed', () => {
  const info = Array.from({ length: 7 }, (_, i) => `- instanceId: cri-a\n  domains: a.com,${i}.com\n`).join('');
  expect(configOf({ 'acr-registry-info': info }).registries).toHaveLength(7);
});
