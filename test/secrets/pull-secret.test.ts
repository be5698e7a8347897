import { describe, expect, it } from 'vitest';
import { hashOf, pullSecret, pullSecretContent, staleContent } from '../../src/secrets/pull-secret.ts';
import { sourcesWith } from '../builders/content.ts';
import { credentialWith, HOUR_MS, START } from '../builders/credential.ts';

const a = credentialWith({ password: 'token-a', domains: ['a.example.com'], expiresAt: START + HOUR_MS });
const b = credentialWith({ password: 'token-b', domains: ['b.example.com'], expiresAt: START + 2 * HOUR_MS });
const tokens = { generation: 7, credentials: new Map(Object.entries({ a, b })) };

/** Of these entries, each on the domain of its name. */
const sources = (...keys: string[]) =>
  sourcesWith({ tokens, layer: new Map(keys.map((key) => [`${key}.example.com`, [key]])) });

function passwordsIn(data: string | undefined): Record<string, string> {
  const { auths } = JSON.parse(Buffer.from(data ?? '', 'base64').toString()) as {
    auths: Record<string, { password: string }>;
  };
  return Object.fromEntries(Object.entries(auths).map(([domain, { password }]) => [domain, password]));
}

describe('what pull Secrets hold', () => {
  it('is every live token of the registries that the configuration lists', () => {
    expect(passwordsIn(pullSecretContent(sources('a', 'b'), START).data)).toEqual({
      'a.example.com': 'token-a',
      'b.example.com': 'token-b',
    });
    expect(passwordsIn(pullSecretContent(sources('b', 'unknown'), START).data)).toEqual({
      'b.example.com': 'token-b',
    });
  });

  it('expires with the first of them, and belongs to a generation', () => {
    expect(pullSecretContent(sources('a', 'b'), START)).toMatchObject({ expiresAt: START + HOUR_MS, generation: 7 });
  });

  it('is without a token from the moment at which that expires', () => {
    expect(Object.keys(passwordsIn(pullSecretContent(sources('a', 'b'), START + HOUR_MS - 1).data))).toHaveLength(2);
    expect(passwordsIn(pullSecretContent(sources('a', 'b'), START + HOUR_MS).data)).toEqual({
      'b.example.com': 'token-b',
    });
  });

  it('is nothing when no token is live, and no Secret is written then', () => {
    expect(pullSecretContent(sources('a', 'b'), START + 2 * HOUR_MS)).toMatchObject({
      isEmpty: true,
      lacksTokens: true,
    });
    expect(pullSecretContent(sources(), START)).toMatchObject({ isEmpty: true });
    expect(passwordsIn(pullSecretContent(sources(), START).data)).toEqual({});
  });

  it('is known as it was before a token in it expired', () => {
    const before = pullSecretContent(sources('a', 'b'), START);
    expect(staleContent(sources('a', 'b')).hash).toBe(before.hash);
    expect(pullSecretContent(sources('a', 'b'), START + HOUR_MS).hash).not.toBe(before.hash);
  });
});

it('a pull Secret says what it holds, and nothing of it where it can be seen', () => {
  const content = pullSecretContent(sources('a'), START);
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

describe('entries that somebody else keeps', () => {
  const entry = { auth: 'x'.repeat(100_000) };
  const others = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`hub-${index}.example.com`, entry]));

  it('are left out from where a Secret is full, which is said', () => {
    const content = pullSecretContent({ ...sources('a', 'b'), others }, START);
    expect(Buffer.from(content.data, 'base64').length).toBeLessThanOrEqual(900 * 1_024);
    expect(Object.keys(passwordsIn(content.data))).toEqual(
      expect.arrayContaining(['a.example.com', 'hub-8.example.com']),
    );
    expect(content.leftOut).toEqual(['hub-9.example.com', 'hub-10.example.com', 'hub-11.example.com']);
  });

  it('never take the room of tokens', () => {
    const large = credentialWith({ password: 'x'.repeat(380_000) });
    const tokens = { generation: 1, credentials: new Map([['a', large]]) };
    const content = pullSecretContent({ ...sources('a'), tokens, others: { small: {}, ...others } }, START);
    expect(Object.keys(passwordsIn(content.data))).toEqual(['a.example.com', 'small']);
    expect(content.leftOut).toHaveLength(12);
  });
});
