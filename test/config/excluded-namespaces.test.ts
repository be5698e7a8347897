import { expect, test } from 'vitest';
import { configOf, problemsOf, warningsOf } from './parse.ts';

test.each([
  ['', []],
  [' , ', []],
  ['kube-system', ['kube-system']],
  ['test-*, *-tmp ,a*b,test-*', ['test-*', '*-tmp', 'a*b']],
  ['"test-*"', ['test-*']],
])('exclude-namespace %j is %j', (text, globs) => {
  expect(configOf({ 'exclude-namespace': text }).excludeNamespaces).toEqual(globs);
  expect(warningsOf({ 'exclude-namespace': text })).toEqual([]);
});

test('what is no glob of a name is refused at its place, with what was probably meant', () => {
  expect(problemsOf({ 'exclude-namespace': 'ok,Test-*,a b-*,x?,-a' })).toEqual([
    "exclude-namespace line 1, column 4: found `Test-*`, which is not a Namespace's name, nor a glob of one; write `test-*`",
    "exclude-namespace line 1, column 11: found `a b-*`, which is not a Namespace's name, nor a glob of one; write `a,b-*`",
    "exclude-namespace line 1, column 17: found `x?`, which is not a Namespace's name, nor a glob of one; write names of lower-case letters, digits and `-`, with `*` for any characters, parted by commas",
    "exclude-namespace line 1, column 20: found `-a`, which is not a Namespace's name, nor a glob of one; write names of lower-case letters, digits and `-`, with `*` for any characters, parted by commas",
  ]);
});

test('to exclude everything is a warning', () => {
  expect(configOf({ 'exclude-namespace': '*' }).excludeNamespaces).toEqual(['*']);
  expect(warningsOf({ 'exclude-namespace': '*' })).toEqual([
    'exclude-namespace line 1, column 1: found `*`, which leaves no namespace to serve; write a narrower glob, such as `test-*`',
  ]);
});
