import { describe, expect, test } from 'vitest';
import { configOf, problemsOf, warningsOf } from './parse.ts';

const role = 'acs:ram::1234567890123456:role/puller';
const provider = 'acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1';

function dataOf(fields: Record<string, string>, rrsa = 'enable: true'): Record<string, string> {
  const lines = Object.entries(fields).map(([name, value]) => `\n  ${name}: ${value}`);
  return { 'acr-registry-info': `- instanceId: cri-a${lines.join('')}`, rrsa };
}

const entryOf = (fields: Record<string, string>, rrsa?: string) => configOf(dataOf(fields, rrsa)).registries[0];
const problems = (fields: Record<string, string>, rrsa?: string) =>
  problemsOf(dataOf(fields, rrsa)).map((problem) => problem.replace(/^acr-registry-info /, ''));

const entry = { key: 'cri-a', instanceId: 'cri-a', domains: [] };

describe('what is understood', () => {
  test('a role to assume, and how long its session lasts', () => {
    expect(entryOf({ assumeRoleARN: role, expireDuration: '900' })).toEqual({
      ...entry,
      assumeRoleArn: role,
      expireDurationSeconds: 900,
    });
    expect(entryOf({ assumeRoleARN: `"${role}"`, expireDuration: '"43200"' })?.expireDurationSeconds).toBe(43_200);
  });

  test('a role for the ServiceAccount, where rrsa enables it', () => {
    expect(entryOf({ rrsaRoleARN: role, rrsaOIDCProviderRoleARN: provider })).toEqual({
      ...entry,
      rrsaRoleArn: role,
      rrsaOidcProviderArn: provider,
    });
  });

  test('an AccessKey of its own, plain or by the name of a Secret, and a role on top', () => {
    expect(entryOf({ customAccessKey: 'LTAI1', customAccessKeySecret: 'abc+/=' })).toEqual({
      ...entry,
      accessKey: { id: 'LTAI1', secret: 'abc+/=' },
    });
    expect(entryOf({ customAccessKeySecretRef: 'other-account', assumeRoleARN: role })).toEqual({
      ...entry,
      assumeRoleArn: role,
      accessKeySecretRef: 'other-account',
    });
  });

  test('namespaces, as a comma list or a YAML list; all of them is no restriction', () => {
    expect(entryOf({ namespaces: 'team-a, team-b,team-a' })?.namespaces).toEqual(['team-a', 'team-b']);
    expect(entryOf({ namespaces: '[team-a]' })?.namespaces).toEqual(['team-a']);
    expect(entryOf({ namespaces: 'All' })).toEqual(entry);
  });

  test('with several IDs in one entry, every instance gets the same identity and namespaces', () => {
    const info = `- instanceId: cri-a,cri-b\n  assumeRoleARN: ${role}\n  namespaces: team-a`;
    expect(configOf({ 'acr-registry-info': info }).registries).toEqual([
      { key: 'cri-a', instanceId: 'cri-a', domains: [], assumeRoleArn: role, namespaces: ['team-a'] },
      { key: 'cri-b', instanceId: 'cri-b', domains: [], assumeRoleArn: role, namespaces: ['team-a'] },
    ]);
  });
});

describe('what is refused, with what to write', () => {
  test.each(['', '""', "','", '[]', '[""]', '~'])(
    'namespaces: %s, which a template may leave, does not mean all',
    (text) => {
      expect(problems({ namespaces: text })).toEqual([
        'line 2, column 3: found `namespaces` with nothing in it; write names, or `all`, or no such field',
      ]);
    },
  );

  test.each([
    ...['assumeRoleARN', 'rrsaRoleARN', 'rrsaOIDCProviderRoleARN', 'customAccessKey', 'customAccessKeySecret'],
    'customAccessKeySecretRef',
  ])('%s with nothing in it, for that would be another identity', (field) => {
    for (const text of ['', '""', '[]']) {
      expect(problems({ [field]: text })[0]).toBe(
        `line 2, column 3: found \`${field}\` with nothing in it; write a value, or no such field`,
      );
    }
  });

  test.each(['899', '43201', '0', '-900', '1h', '3600.5', 'long'])('expireDuration %s', (text) => {
    expect(problems({ assumeRoleARN: role, expireDuration: text })).toEqual([
      `line 3, column 19: found \`${text}\`, which is no session's length; write a whole number of seconds from 900 to 43200, such as \`3600\``,
    ]);
  });

  test.each(['puller', 'acs:ram::<uid>:role/puller', 'acs:ram::1:user/x', `${role}/x`])('assumeRoleARN %s', (text) => {
    expect(problems({ assumeRoleARN: `"${text}"` })).toEqual([
      `line 2, column 19: found a value that is not a RAM role's ARN; write \`acs:ram::1234567890123456:role/name\``,
    ]);
  });

  test('half of what RRSA needs', () => {
    expect(problems({ rrsaRoleARN: role })).toEqual([
      'line 2, column 16: found `rrsaRoleARN` without the provider that vouches for the cluster; write `rrsaOIDCProviderRoleARN: acs:ram::1234567890123456:oidc-provider/name` too',
    ]);
    expect(problems({ rrsaOIDCProviderRoleARN: provider })).toEqual([
      'line 2, column 28: found `rrsaOIDCProviderRoleARN` without a role; write `rrsaRoleARN: acs:ram::1234567890123456:role/name` too',
    ]);
    expect(problems({ rrsaRoleARN: role, rrsaOIDCProviderRoleARN: role })).toEqual([
      `line 3, column 28: found a value that is not an OIDC provider's ARN; write \`acs:ram::1234567890123456:oidc-provider/name\``,
    ]);
  });

  test.each(['', 'enable: false'])('RRSA fields while rrsa is %j', (rrsa) => {
    expect(problems({ rrsaRoleARN: role, rrsaOIDCProviderRoleARN: provider }, rrsa)).toEqual([
      'line 2, column 16: found `rrsaRoleARN`, while the key `rrsa` does not enable it; write `enable: true` in the key `rrsa`, or an entry without this field',
    ]);
  });

  test('half an AccessKey, and values that could not be sent, without saying them', () => {
    expect(problems({ customAccessKey: 'LTAI1' })).toEqual([
      'line 2, column 20: found `customAccessKey` without `customAccessKeySecret`; write both of them',
    ]);
    expect(problems({ customAccessKeySecret: 'hunter2' })).toEqual([
      'line 2, column 26: found `customAccessKeySecret` without `customAccessKey`; write both of them',
    ]);
    expect(problems({ customAccessKey: 'LTAI é', customAccessKeySecret: 'hunter 2' })).toEqual([
      'line 2, column 20: found what cannot be part of an AccessKey; write it as it was given out',
      'line 3, column 26: found what cannot be part of an AccessKey; write it as it was given out',
    ]);
  });

  test('two identities in one entry', () => {
    const rrsa = { rrsaRoleARN: role, rrsaOIDCProviderRoleARN: provider };
    const twice =
      'line 2, column 16: found `rrsaRoleARN` beside an AccessKey, two identities in one entry; write one of them';
    expect(problems({ ...rrsa, customAccessKey: 'LTAI1', customAccessKeySecret: 'x' })).toEqual([twice]);
    expect(problems({ ...rrsa, customAccessKeySecretRef: 'other' })).toEqual([twice]);
    expect(problems({ customAccessKey: 'LTAI1', customAccessKeySecretRef: 'other' })).toEqual([
      'line 2, column 20: found an AccessKey beside `customAccessKeySecretRef`; write one of them',
    ]);
  });

  test("a Secret's name that is none, without saying it, for it may be the secret itself", () => {
    expect(problems({ customAccessKeySecretRef: 'Hunter2Hunter2' })).toEqual([
      "line 2, column 29: found a value that is not a Secret's name; write the name of a Secret of the own namespace",
    ]);
  });

  test('namespaces that are none', () => {
    expect(problems({ namespaces: 'team-a,Team_B' })).toEqual([
      "line 2, column 22: found `Team_B`, which is not a Namespace's name; write names of lower-case letters, digits and `-`, parted by commas, or `all` for every Namespace",
    ]);
    expect(problems({ namespaces: 'team-a,all' })).toEqual([
      'line 2, column 22: found `all` beside other names; write `all` alone, or the names alone',
    ]);
  });
});

test('a namespace that is no target is a warning, for it gets nothing', () => {
  const data = { ...dataOf({ namespaces: 'team-a,team-b' }), 'watch-namespace': 'team-b,team-c' };
  expect(warningsOf(data)).toEqual([
    'acr-registry-info line 2, column 15: found `team-a`, which is no target; write it into `watch-namespace` as well',
  ]);
  expect(warningsOf({ ...data, 'watch-namespace': 'all' })).toEqual([]);
});

test('expireDuration without a role to assume is a warning', () => {
  expect(warningsOf(dataOf({ expireDuration: '3600' }))).toEqual([
    'acr-registry-info line 2, column 19: found `expireDuration` without a role to assume; write nothing in its place',
  ]);
  expect(warningsOf(dataOf({ expireDuration: '3600', assumeRoleARN: role }))).toEqual([]);
});

test('a domain of the Personal instances that take no temporary tokens is a warning that names extra-auths', () => {
  const data = { 'acr-registry-info': '- domains: crpi-x.cn-hangzhou.personal.cr.aliyuncs.com' };
  expect(warningsOf(data)).toEqual([
    'acr-registry-info line 1, column 12: found `crpi-x.cn-hangzhou.personal.cr.aliyuncs.com`, a Personal instance of the kind that takes no temporary tokens; write `extra-auths`, with a Secret that holds its fixed username and password',
  ]);
});
