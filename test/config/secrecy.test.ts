import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/parse-config.ts';
import { formatProblem } from '../../src/config/problem-report.ts';

/** What people have at hand when they fill in a configuration, and nobody else may see. */
const password = 'Hunter2-hunter2';
const keySecret = 'kWzT7ZxQ81pLmB4vYc2NdR6sGh0JfA';
const login = Buffer.from(`robot:${password}`).toString('base64');
const securityToken = `CAIS${'9fK+x/2'.repeat(80)}==`;
const secrets = [password, password.toLowerCase(), password.replaceAll('-', ''), keySecret, login, securityToken];

const identityFields = [
  'assumeRoleARN',
  'rrsaRoleARN',
  'rrsaOIDCProviderRoleARN',
  'customAccessKey',
  'customAccessKeySecret',
  'customAccessKeySecretRef',
];
const otherFields = ['instanceId', 'regionId', 'domains', 'namespaces', 'expireDuration', 'labels'];
const listKeys = ['watch-namespace', 'service-account', 'exclude-namespace', 'acr-registry', 'extra-auths'];
const textKeys = ['expiring-threshold', 'acr-api-version', 'notify-email'];
const yamlKeys = ['acr-registry-info', 'rrsa', 'webhook-configuration'];

/** A Secret where its name belongs. */
const pastes: ((secret: string) => string)[] = [
  (secret) => JSON.stringify({ auths: { 'r.example.com': { auth: secret } } }),
  (secret) => JSON.stringify({ auths: { 'r.example.com': { username: 'robot', password: secret } } }, undefined, 2),
  (secret) => `{"username":"robot","x":["a","${secret}","b"]}`,
  (secret) => `{username: robot, password: ${secret}}`,
  (secret) => `https://robot:${secret}@r.example.com`,
  (secret) => `https://robot:${secret}@r.example.com/team, b.example.com`,
  (secret) => `robot:${secret}@r.example.com`,
  (secret) => `https://r.example.com/?token=${secret}`,
  (secret) => `password: ${secret}`,
  (secret) => `accessKeySecret=${secret}`,
];

/** A value in every form that a slip gives it. */
const forms: ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => `"${secret}"`,
  (secret) => ` ${secret} `,
  (secret) => `{${secret}}`,
  (secret) => `{a: ${secret}}`,
  (secret) => `{${secret}: a}`,
  (secret) => `[${secret}]`,
  (secret) => `["${secret}", a]`,
  (secret) => `a, ${secret}`,
  (secret) => `"a", "${secret}"`,
  (secret) => `a:b, ${secret}`,
  (secret) => `${secret}: x`,
  (secret) => `\n    ${secret}: x`,
  (secret) => `\n    ${secret}: x\n    ${secret}: y`,
  (secret) => `x\n    ${secret}: x`,
  (secret) => `x\n ${secret}: x`,
  (secret) => `\n    - ${secret}`,
  (secret) => `|\n    ${secret}`,
  (secret) => `&${secret} x`,
  (secret) => `*${secret}`,
  (secret) => `!${secret} x`,
  (secret) => `x # ${secret}`,
  (secret) => `"${secret}`,
  (secret) => `${secret}\u00e9`,
];

function textsOf(field: string, value: string): string[] {
  return [
    `- instanceId: cri-a\n  ${field}: ${value}\n  domains: a.com`,
    `- instanceId: cri-a\n    ${field}: ${value}`,
    `- ${field}: ${value}\n   regionId: cn-a`,
    `- {instanceId: cri-a, ${field}: ${value}}`,
    `- instanceId: cri-a ${field}: ${value}`,
    `${field}: ${value}`,
    ` - ${field}: ${value}\n- ${field}: ${value}`,
  ];
}

/** Which of the messages has eight characters of the secret in a row, in whatever case. */
function leaks(data: Record<string, string>, secret: string): string[] {
  const parsed = parseConfig(data);
  const said = [...(parsed.ok ? [] : parsed.problems), ...parsed.warnings].map(formatProblem);
  return said.filter((message) => holdsPartOf(secret.toLowerCase(), message.toLowerCase()));
}

function holdsPartOf(secret: string, message: string): boolean {
  for (let from = 0; from + 8 <= secret.length; from += 1) {
    if (message.includes(secret.slice(from, from + 8))) return true;
  }
  return false;
}

test.each(identityFields)('nothing that stands in %s, in whatever form, is in a message', (field) => {
  for (const secret of secrets) {
    const texts = forms.flatMap((form) => textsOf(field, form(secret)));
    const found = texts.flatMap((text) => leaks({ 'acr-registry-info': text, rrsa: 'enable: true' }, secret));
    expect(found).toEqual([]);
  }
});

test.each(otherFields)('what looks like a key, a login or a Secret is in no message about %s', (field) => {
  for (const secret of secrets) {
    const values = pastes.map((paste) => paste(secret));
    const looksSecret = [keySecret, login, securityToken].includes(secret) ? forms.map((form) => form(secret)) : [];
    const texts = [...values, ...looksSecret].flatMap((value) => textsOf(field, value));
    expect(texts.flatMap((text) => leaks({ 'acr-registry-info': text }, secret))).toEqual([]);
  }
});

test.each([...listKeys, ...textKeys, ...yamlKeys])('a Secret pasted into %s is in no message', (key) => {
  for (const secret of secrets) {
    const found = pastes.flatMap((paste) => leaks({ [key]: paste(secret) }, secret));
    expect(found).toEqual([]);
  }
});

test('extra-auths says nothing of what it holds, for it may be a login instead of the name of one', () => {
  for (const secret of secrets) {
    const found = forms.flatMap((form) => leaks({ 'extra-auths': form(secret) }, secret));
    expect(found).toEqual([]);
  }
});
