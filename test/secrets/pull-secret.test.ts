import { describe, expect, it } from 'vitest';
import { hashOf, pullSecret, pullSecretContent, staleContent } from '../../src/secrets/pull-secret.ts';
import { credentialWith, HOUR_MS, START } from '../builders/credential.ts';

const a = credentialWith({ password: 'token-a', domains: ['a.example.com'], expiresAt: START + HOUR_MS });
const b = credentialWith({ password: 'token-b', domains: ['b.example.com'], expiresAt: START + 2 * HOUR_MS });
const state = { generation: 7, credentials: { a, b } };

function passwordsIn(data: string | undefined): Record<string, string> {
  const { auths } = JSON.parse(Buffer.from(data ?? '', 'base64').toString()) as {
    auths: Record<string, { password: string }>;
  };
  return Object.fromEntries(Object.entries(auths).map(([domain, { password }]) => [domain, password]));
}

describe('what pull Secrets hold', () => {
  it('is every live token of the registries that the configuration lists', () => {
    expect(passwordsIn(pullSecretContent(state, ['a', 'b'], START)?.data)).toEqual({
      'a.example.com': 'token-a',
      'b.example.com': 'token-b',
    });
    expect(passwordsIn(pullSecretContent(state, ['b', 'unknown'], START)?.data)).toEqual({
      'b.example.com': 'token-b',
    });
  });

  it('expires with the first of them, and belongs to a generation', () => {
    expect(pullSecretContent(state, ['a', 'b'], START)).toMatchObject({ expiresAt: START + HOUR_MS, generation: 7 });
  });

  it('is without a token from the moment at which that expires', () => {
    expect(Object.keys(passwordsIn(pullSecretContent(state, ['a', 'b'], START + HOUR_MS - 1)?.data))).toHaveLength(2);
    expect(passwordsIn(pullSecretContent(state, ['a', 'b'], START + HOUR_MS)?.data)).toEqual({
      'b.example.com': 'token-b',
    });
  });

  it('is nothing when no token is live, and no Secret is written then', () => {
    expect(pullSecretContent(state, ['a', 'b'], START + 2 * HOUR_MS)).toBeUndefined();
    expect(pullSecretContent(state, [], START)).toBeUndefined();
  });

  it('is known as it was before a token in it expired', () => {
    const before = pullSecretContent(state, ['a', 'b'], START);
    expect(staleContent(state, ['a', 'b'])?.hash).toBe(before?.hash);
    expect(pullSecretContent(state, ['a', 'b'], START + HOUR_MS)?.hash).not.toBe(before?.hash);
  });

  it('takes a domain that two registries share from the first in the configuration', () => {
    const credentials = { a, b: credentialWith({ password: 'token-b', domains: ['a.example.com'] }) };
    const first = (keys: string[]) => passwordsIn(pullSecretContent({ generation: 1, credentials }, keys, START)?.data);
    expect(first(['a', 'b'])).toEqual({ 'a.example.com': 'token-a' });
    expect(first(['b', 'a'])).toEqual({ 'a.example.com': 'token-b' });
  });
});

it('a pull Secret says what it holds, and nothing of it where it can be seen', () => {
  const content = pullSecretContent(state, ['a'], START)!;
  const secret = pullSecret({ namespace: 'team-a', name: 'pull' }, content);
  expect(secret).toEqual({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      namespace: 'team-a',
      name: 'pull',
      labels: { 'app.kubernetes.io/managed-by': 'acr-credential-injector' },
      annotations: {
        'acr-credential-injector/expires-at': '2026-01-02T04:04:05.000Z',
        'acr-credential-injector/content-hash': hashOf(content.data),
        'acr-credential-injector/generation': '7',
      },
    },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': content.data },
  });
});

it('takes an instance that is called like a part of every object for one that has no token', () => {
  expect(pullSecretContent({ generation: 1, credentials: {} }, ['constructor', 'toString'], 0)).toBeUndefined();
});
