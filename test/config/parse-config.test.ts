import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/parse-config.ts';
import { configOf, problemsOf, warningsOf } from './parse.ts';

const defaults = {
  registries: [{ key: 'personal', domains: [] }],
  watchNamespaces: ['default'],
  serviceAccounts: ['default'],
  expiringThresholdMs: 900_000,
  acrApiVersion: '2018-12-01',
  webhook: { enabled: false, failurePolicy: 'Ignore', timeoutSeconds: 10 },
};

test('nothing configured means the defaults', () => {
  expect(parseConfig({})).toEqual({ ok: true, config: defaults, warnings: [] });
});

test('an empty text means the default of its key', () => {
  const keys = ['acr-registry-info', 'watch-namespace', 'service-account', 'expiring-threshold', 'acr-api-version'];
  const others = [
    'webhook-configuration',
    'acr-registry',
    'rrsa',
    'notify-email',
    'exclude-namespace',
    'extra-auths',
    'foo',
  ];
  const data = Object.fromEntries([...keys, ...others].map((key) => [key, ' \n']));
  expect(parseConfig(data)).toEqual({ ok: true, config: defaults, warnings: [] });
});

test('a configuration is frozen through and through', () => {
  const config = configOf({ 'acr-registry-info': '- domains: a.com' });
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.registries)).toBe(true);
  expect(Object.isFrozen(config.registries[0]?.domains)).toBe(true);
  expect(Object.isFrozen(config.webhook)).toBe(true);
});

test.each([
  ['15m', 900_000],
  ['15min', 900_000],
  [' "1h30m"\n', 5_400_000],
  ['1s', 1_000],
])('expiring-threshold %j is %d ms', (text, durationMs) => {
  expect(configOf({ 'expiring-threshold': text }).expiringThresholdMs).toBe(durationMs);
});

test.each([
  ['15', 'a unit too: `15m` or `15s`'],
  ['0s', 'a duration such as `15m`'],
  ['-15m', 'a duration such as `15m`'],
  ['999ms', 'a duration such as `15m`'],
  ['15 minutes', 'a duration such as `15m`'],
])('expiring-threshold "%s" is refused', (text, fix) => {
  expect(problemsOf({ 'expiring-threshold': text })).toEqual([
    `expiring-threshold line 1, column 1: found \`${text}\`, which is no duration of a second or more; write ${fix}`,
  ]);
});

test('acr-api-version takes a version, and warns of one that Enterprise instances are not known for', () => {
  expect(configOf({ 'acr-api-version': '"2018-12-01"' }).acrApiVersion).toBe('2018-12-01');
  expect(configOf({ 'acr-api-version': '2016-06-07' }).acrApiVersion).toBe('2016-06-07');
  expect(warningsOf({ 'acr-api-version': '2016-06-07' })).toHaveLength(1);
  expect(problemsOf({ 'acr-api-version': ' v1' })).toEqual([
    'acr-api-version line 1, column 2: found `v1`, which is not an API version; write `2018-12-01`',
  ]);
});

test('acr-registry alone is refused with the key to write instead', () => {
  expect(problemsOf({ 'acr-registry': 'registry.*.aliyuncs.com' })).toEqual([
    'acr-registry line 1, column 1: found `acr-registry` alone, which this version does not support; write `acr-registry-info` instead, with an entry such as `- instanceId: cri-…` for each instance',
  ]);
  expect(problemsOf({ 'acr-registry': 'registry.*.aliyuncs.com', 'acr-registry-info': ' ' })).toHaveLength(1);
});

test('acr-registry beside acr-registry-info, and notify-email, are ignored with a warning', () => {
  const data = { 'acr-registry': 'a.*', 'acr-registry-info': '- instanceId: cri-a', 'notify-email': 'cs@aliyuncs.com' };
  expect(configOf(data).registries).toEqual([{ key: 'cri-a', instanceId: 'cri-a', domains: [] }]);
  expect(warningsOf(data)).toEqual([
    'acr-registry line 1, column 1: found `acr-registry`, which `acr-registry-info` replaces; write nothing in its place',
    'notify-email line 1, column 1: found `notify-email`, which this version does not support: the email of the auth entries stays empty; write nothing in its place',
  ]);
});

test.each(['exclude-namespace', 'extra-auths', 'exclude-namespaces', 'extraAuths'])(
  '%s would change who may pull what, so it is refused',
  (key) => {
    const [problem, ...more] = problemsOf({ [key]: 'x' });
    expect(problem).toMatch(new RegExp(`^${key} line 1, column 1: found .*, which this version does not support: `));
    expect(more).toEqual([]);
  },
);

test('RRSA is refused where it is enabled', () => {
  expect(configOf({ rrsa: 'enable: false' })).toEqual(defaults);
  expect(problemsOf({ rrsa: '# identity\nenable: true' })).toEqual([
    'rrsa line 2, column 9: found RRSA enabled, which this version does not support: tokens would be asked for with another identity; write `false`',
  ]);
});

test('unknown keys are warnings, with the known one where it is close', () => {
  expect(configOf({ 'watch-namespaces': 'all', owner: 'team-a' })).toEqual(defaults);
  expect(warningsOf({ 'watch-namespaces': 'all', owner: 'team-a' })).toEqual([
    'owner line 1, column 1: found `owner`, which is ignored as unknown; write one of acr-registry-info, watch-namespace, service-account, expiring-threshold, acr-api-version, webhook-configuration, acr-registry, rrsa',
    'watch-namespaces line 1, column 1: found `watch-namespaces`, which is ignored as unknown; write `watch-namespace`',
  ]);
});

test('every problem of every key is reported at once, key by key and line by line', () => {
  const data = {
    'webhook-configuration': 'enable: perhaps',
    'watch-namespace': 'A_B,c,D_E',
    'acr-registry-info': '- regionId: cn_a\n- instanceId: cri x\n',
    'expiring-threshold': 'soon',
  };
  const places = problemsOf(data).map((problem) => problem.replace(/: .*/, ''));
  expect(places).toEqual([
    'acr-registry-info line 1, column 13',
    'acr-registry-info line 2, column 15',
    'expiring-threshold line 1, column 1',
    'watch-namespace line 1, column 1',
    'watch-namespace line 1, column 7',
    'webhook-configuration line 1, column 9',
  ]);
});

test('a text that is too long to mean anything is refused unread', () => {
  expect(problemsOf({ 'watch-namespace': 'a,'.repeat(65_537) })).toEqual([
    'watch-namespace line 1, column 1: found 131074 characters, which is more than are read; write at most 131072',
  ]);
});

test('keys that JavaScript objects inherit are keys like any other', () => {
  const data = JSON.parse('{"__proto__": "x", "constructor": "y"}') as Record<string, string>;
  expect(warningsOf(data)).toHaveLength(2);
});
