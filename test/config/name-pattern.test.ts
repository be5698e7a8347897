import { expect, test } from 'vitest';
import { configOf, problemsOf, warningsOf } from './parse.ts';

const namespaces = (text: string) => configOf({ 'watch-namespace': text }).watchNamespaces;
const serviceAccounts = (text: string) => configOf({ 'service-account': text }).serviceAccounts;

test.each(['all', 'All', 'ALL', ' all\n', '"all"', 'all,'])('watch-namespace "%s" means every namespace', (text) => {
  expect(namespaces(text)).toBe('all');
});

test.each([
  ['', ['default']],
  ['  \n', ['default']],
  [',', ['default']],
  ['default', ['default']],
  ['Default', ['default']],
  [' a , b,,\n c,', ['a', 'b', 'c']],
  ['a,b,a', ['a', 'b']],
  ['"a","b"', ['a', 'b']],
])('watch-namespace "%s" means %j', (text, names) => {
  expect(namespaces(text)).toEqual(names);
});

test.each(['*', ' * ', '"*"', "'*'", '“*”', 'default,*'])('service-account "%s" means every ServiceAccount', (text) => {
  expect(serviceAccounts(text)).toBe('all');
});

test.each([
  ['', ['default']],
  ['Default', ['default']],
  ['default, builder.v2 ,', ['default', 'builder.v2']],
])('service-account "%s" means %j', (text, names) => {
  expect(serviceAccounts(text)).toEqual(names);
});

test('every name that is none is reported at its place, with the names that were probably meant', () => {
  expect(problemsOf({ 'watch-namespace': 'a, Dev,\nb c，d , a.b,-x' })).toEqual([
    "watch-namespace line 1, column 4: found `Dev`, which is not a Namespace's name; write `dev`",
    "watch-namespace line 2, column 1: found `b c，d`, which is not a Namespace's name; write `b,c,d`",
    "watch-namespace line 2, column 9: found `a.b`, which is not a Namespace's name; write names of lower-case letters, digits and `-`, parted by commas, or `all` for every Namespace",
    "watch-namespace line 2, column 13: found `-x`, which is not a Namespace's name; write names of lower-case letters, digits and `-`, parted by commas, or `all` for every Namespace",
  ]);
});

test('a name may have 63 characters, a ServiceAccount 253', () => {
  expect(namespaces('n'.repeat(63))).toEqual(['n'.repeat(63)]);
  expect(problemsOf({ 'watch-namespace': 'n'.repeat(64) })).toHaveLength(1);
  expect(serviceAccounts('n'.repeat(253))).toEqual(['n'.repeat(253)]);
  expect(problemsOf({ 'service-account': 'n'.repeat(254) })).toHaveLength(1);
});

test('all beside names is refused, for a namespace may be called all', () => {
  expect(problemsOf({ 'watch-namespace': 'dev,all' })).toEqual([
    'watch-namespace line 1, column 5: found `all` beside other names; write `all` alone, or the names alone',
  ]);
});

test('the other key’s word for everything is corrected', () => {
  expect(problemsOf({ 'watch-namespace': '*' })[0]).toMatch(/; write `all`$/);
  expect(problemsOf({ 'service-account': 'All' })[0]).toMatch(/; write `\*`$/);
  expect(serviceAccounts('all')).toEqual(['all']);
  expect(warningsOf({ 'service-account': 'all' })).toEqual([
    'service-account line 1, column 1: found the ServiceAccount of the name `all`; write `*` if every ServiceAccount is meant',
  ]);
});
