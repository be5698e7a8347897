import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/parse-config.ts';
import { configOf, problemsOf, warningsOf } from './parse.ts';

const defaults = {
  registries: [{ key: 'personal', domains: [] }],
  watchNamespaces: ['default'],
  excludeNamespaces: [],
  serviceAccounts: ['default'],
  expiringThresholdMs: 900_000,
  acrApiVersion: '2018-12-01',
  extraAuths: [],
  rrsaEnabled: false,
  webhook: { enabled: false, failurePolicy: 'Ignore', timeoutSeconds: 10 },
};

test('nothing configured means the defaults', () => {
  expect(parseConfig({})).toEqual({ ok: true, config: defaults, warnings: [], personalByDefault: true });
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
  expect(parseConfig(data)).toEqual({ ok: true, config: defaults, warnings: [], personalByDefault: true });
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

test('acr-registry beside acr-registry-info is ignored with a warning', () => {
  const data = { 'acr-registry': 'a.*', 'acr-registry-info': '- instanceId: cri-a' };
  expect(configOf(data).registries).toEqual([{ key: 'cri-a', instanceId: 'cri-a', domains: [] }]);
  expect(warningsOf(data)).toEqual([
    'acr-registry line 1, column 1: found `acr-registry`, which `acr-registry-info` replaces; write nothing in its place',
  ]);
});

test.each(['', '# nothing', '[]'])('acr-registry counts where acr-registry-info lists nothing, as %j does', (info) => {
  const data = { 'acr-registry': 'registry.*.aliyuncs.com', 'acr-registry-info': info };
  expect(configOf(data).registries).toEqual([{ key: 'personal', domains: ['registry.*.aliyuncs.com'] }]);
});

test('it is said whether the Personal instance stands for a list that is missing', () => {
  expect(parseConfig({})).toMatchObject({ personalByDefault: true });
  expect(parseConfig({ 'acr-registry-info': '- instanceId: ""' })).toMatchObject({ personalByDefault: false });
  expect(parseConfig({ 'acr-registry': 'registry.*.aliyuncs.com' })).toMatchObject({ personalByDefault: false });
});

test.each([
  ['ops@example.com', 'ops@example.com'],
  [' "cs@aliyuncs.com"\n', 'cs@aliyuncs.com'],
  ['', undefined],
])('notify-email %j is %j', (text, email) => {
  expect(configOf({ 'notify-email': text }).notifyEmail).toBe(email);
});

test.each(['ops', 'a@b@c', 'a@x.com,b@x.com', 'a b@x.com', `${'a'.repeat(250)}@x.com`])(
  'notify-email "%s" is refused',
  (text) => {
    const [problem, ...more] = problemsOf({ 'notify-email': text });
    expect(problem).toMatch(/^notify-email line 1, column 1: found .*, which is not an e-mail address; write one/);
    expect(more).toEqual([]);
  },
);

test('extra-auths names Secrets, each once', () => {
  expect(configOf({ 'extra-auths': ' docker-hub, harbor.pull ,docker-hub,' }).extraAuths).toEqual([
    'docker-hub',
    'harbor.pull',
  ]);
  expect(problemsOf({ 'extra-auths': 'ok,Docker_Hub, A B' })).toEqual([
    "extra-auths line 1, column 4: found a value that is not a Secret's name; write names of lower-case letters, digits and `-`, parted by commas",
    "extra-auths line 1, column 16: found a value that is not a Secret's name; write names of lower-case letters, digits and `-`, parted by commas",
  ]);
});

test.each([
  ['', false],
  ['enable: false', false],
  ['# identity\nenable: true', true],
  ['{"enable": "yes"}', true],
])('rrsa %j is %j', (text, enabled) => {
  expect(configOf({ rrsa: text }).rrsaEnabled).toBe(enabled);
});

test('rrsa that is neither on nor off is refused', () => {
  expect(problemsOf({ rrsa: 'enable: perhaps' })).toEqual([
    'rrsa line 1, column 9: found `perhaps`; write `true` or `false`',
  ]);
  expect(problemsOf({ rrsa: 'true' })).toEqual([
    'rrsa line 1, column 1: found `true`; write `enable: true` or `enable: false`',
  ]);
});

test('unknown keys are warnings, with the known one where it is close', () => {
  expect(configOf({ 'notify-mail': 'a@b.c', owner: 'team-a' })).toEqual(defaults);
  expect(warningsOf({ 'notify-mail': 'a@b.c', owner: 'team-a' })).toEqual([
    'notify-mail line 1, column 1: found `notify-mail`, which is ignored as unknown; write `notify-email`',
    'owner line 1, column 1: found `owner`, which is ignored as unknown; write one of rrsa, watch-namespace, acr-registry-info, acr-registry, notify-email, exclude-namespace, service-account, expiring-threshold, acr-api-version, extra-auths, webhook-configuration',
  ]);
});

test.each([
  ['watch-namespaces', 'watch-namespace'],
  ['watchNamespace', 'watch-namespace'],
  ['exclude-namespaces', 'exclude-namespace'],
  ['service-accounts', 'service-account'],
  ['acr-registry-infos', 'acr-registry-info'],
  ['acr-registrys', 'acr-registry'],
  ['extra-auth', 'extra-auths'],
  ['rrrsa', 'rrsa'],
  ['webhook-config', 'webhook-configuration'],
])('%s is probably %s, without which others would be served, or in another way, so it is refused', (key, meant) => {
  expect(problemsOf({ [key]: 'enable: true' })).toEqual([
    `${key} line 1, column 1: found \`${key}\`, which is unknown; write \`${meant}\``,
  ]);
});

test.each(['watch-namespace', 'service-account', 'exclude-namespace', 'acr-registry', 'extra-auths'])(
  '%s is no list of YAML, and of what is in the brackets nothing is said',
  (key) => {
    expect(problemsOf({ [key]: '[a, b]' })).toEqual([
      `${key} line 1, column 1: found brackets, which belong to no comma list; write the bare names, parted by commas`,
    ]);
  },
);

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

test('keys that are too much together are refused, for the last good configuration is kept beside the tokens', () => {
  const long = `# ${'\u00e4'.repeat(65_000)}`;
  const data = { 'acr-registry-info': long, rrsa: long, 'webhook-configuration': long };
  expect(problemsOf({ ...data, 'acr-registry': `#${long}`, 'watch-namespace': 'a'.repeat(5_000) })).toContainEqual(
    expect.stringMatching(/^acr-registry line 1, column 1: found the most of 525009 bytes in all keys together; write/),
  );
  expect(parseConfig({ ...data, notes: long.repeat(10) })).toMatchObject({ ok: true });
});

test('of very many mistakes a hundred are said', () => {
  expect(problemsOf({ 'watch-namespace': 'A,'.repeat(10_000) })).toHaveLength(100);
});

test('keys that JavaScript objects inherit are keys like any other', () => {
  const data = JSON.parse('{"__proto__": "x", "constructor": "y"}') as Record<string, string>;
  expect(warningsOf(data)).toHaveLength(2);
});
