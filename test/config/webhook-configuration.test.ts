import { expect, test } from 'vitest';
import { configOf, problemsOf, warningsOf } from './parse.ts';

const webhook = (text: string) => configOf({ 'webhook-configuration': text }).webhook;
const off = { enabled: false, failurePolicy: 'Ignore', timeoutSeconds: 10 };

test.each(['', ' ', '# later', '{}', 'enable: false', 'enable:', 'enable: "no"'])(
  'the webhook is off with "%s"',
  (text) => {
    expect(webhook(text)).toEqual(off);
  },
);

test.each(['enable: true', 'enable: "true"', 'enable: True', 'enable: yes', 'enable: on', '{"enable": true}'])(
  'the webhook is on with "%s"',
  (text) => {
    expect(webhook(text)).toEqual({ ...off, enabled: true });
  },
);

test.each([
  ['failure-policy: Fail', { ...off, failurePolicy: 'Fail' }],
  ['failure-policy: "fail"', { ...off, failurePolicy: 'Fail' }],
  ['failure-policy: ignore', off],
  ['timeout-seconds: 1', { ...off, timeoutSeconds: 1 }],
  ['timeout-seconds: "30"', { ...off, timeoutSeconds: 30 }],
  ['Enable: true\ntimeout-seconds:', { ...off, enabled: true }],
])('%j is understood', (text, expected) => {
  expect(webhook(text)).toEqual(expected);
});

test.each(['0', '31', '-1', '1.5', '10s', 'ten', '1e1', '0x1', '99999999999999999999'])(
  'a time limit of %s is refused with the range that Kubernetes allows',
  (text) => {
    expect(problemsOf({ 'webhook-configuration': `enable: true\ntimeout-seconds: ${text}` })).toEqual([
      `webhook-configuration line 2, column 18: found \`${text}\`, which is no time limit for a webhook; write a whole number of seconds from 1 to 30, such as \`10\``,
    ]);
  },
);

test('every wrong field is reported at once, one out of line among them', () => {
  const text = 'enable: maybe\n  failure-policy: Never\ntimeout-seconds: [5]\n';
  expect(problemsOf({ 'webhook-configuration': text })).toEqual([
    'webhook-configuration line 1, column 9: found `maybe`; write `true` or `false`',
    'webhook-configuration line 2, column 3: found `failure-policy` in column 3, where `enable` in line 1 begins in column 1; write `failure-policy: Never`',
    'webhook-configuration line 2, column 19: found `Never`; write `Ignore` or `Fail`',
    'webhook-configuration line 3, column 18: found a list in `timeout-seconds`; write one value',
  ]);
});

test('a text that is no mapping is refused', () => {
  expect(problemsOf({ 'webhook-configuration': 'true' })[0]).toMatch(
    /^webhook-configuration line 1, column 1: found `true`; /,
  );
  expect(problemsOf({ 'webhook-configuration': '- enable: true' })[0]).toMatch(
    / found a list; write `enable: true`, and /,
  );
});

test('a misspelt field is a warning that names the right one', () => {
  expect(warningsOf({ 'webhook-configuration': 'enable: true\nfailurePolicy: Fail' })).toEqual([
    'webhook-configuration line 2, column 1: found `failurePolicy`, which is ignored as unknown; write `failure-policy`',
  ]);
});
