import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeTokensSecret,
  encodeTokensSecret,
  emptyTokensState,
  observeTokens,
  type TokensState,
} from '../../src/credentials/tokens-secret.ts';
import { pullSecret, pullSecretContent } from '../../src/secrets/pull-secret.ts';
import { sourcesWith } from '../builders/content.ts';
import { credentialWith } from '../builders/credential.ts';
import { secretAt } from '../builders/kube-objects.ts';

const key = fc.oneof(fc.string(), fc.constantFrom('cri-a', '__proto__', 'constructor', 'toString'));
const time = fc.integer({ min: 0, max: 4e12 });
const text = fc.string({ minLength: 1 });
const credential = fc.record({
  username: text,
  password: text,
  source: text,
  issuedAt: time,
  expiresAt: time,
  domainsListedAt: time,
  domains: fc.array(fc.domain()),
});
const state: fc.Arbitrary<TokensState> = fc.record(
  {
    generation: fc.maxSafeNat(),
    credentials: fc.dictionary(key, credential),
    configuration: fc.dictionary(key, fc.string()),
  },
  { requiredKeys: ['generation', 'credentials'] },
);

const holding = (content: string) =>
  secretAt('acr/tokens', { data: { 'state.json': Buffer.from(content).toString('base64') } });
const stateWith = (fields: object) => holding(JSON.stringify({ schemaVersion: 2, generation: 1, ...fields }));

describe('the tokens Secret', () => {
  it('holds what was put into it, whatever the names', () => {
    fc.assert(
      fc.property(state, (stored) => {
        const decoded = decodeTokensSecret(encodeTokensSecret(stored, 'acr'));
        expect(decoded).toEqual({ configuration: undefined, ...stored });
      }),
    );
  });

  it('is written on condition of the version that it was read at', () => {
    const observed = observeTokens(secretAt('acr/tokens', {}, { resourceVersion: '7' }));
    expect(encodeTokensSecret(emptyTokensState, 'acr', observed).metadata).toMatchObject({
      namespace: 'acr',
      name: 'acr-credential-injector-tokens',
      resourceVersion: '7',
    });
  });

  it.each([
    ['no data', secretAt('acr/tokens')],
    ['no state', secretAt('acr/tokens', { data: {} })],
    ['no JSON', holding('generation: 1')],
    ['another schema', holding('{"schemaVersion":1,"generation":1,"credentials":{}}')],
    ['no schema', holding('{"generation":1,"credentials":{}}')],
    ['a generation that is no number', stateWith({ generation: '1' })],
    ['a generation beyond counting', holding('{"schemaVersion":2,"generation":1e999,"credentials":{}}')],
    ['a list', holding('[]')],
  ])('with %s holds nothing', (_, secret) => {
    expect(decodeTokensSecret(secret)).toBeUndefined();
  });

  it.each([
    ['an empty password', { password: '' }],
    ['no username', { username: undefined }],
    ['an expiry in words', { expiresAt: 'tomorrow' }],
    ['an expiry that is no moment in time', { expiresAt: 1e17 }],
    ['a list of something else than domains', { domains: [1] }],
    ['no domains', { domains: undefined }],
  ])('loses a credential with %s, and only that', (_, fields) => {
    const secret = stateWith({ credentials: { bad: { ...credentialWith(), ...fields }, good: credentialWith() } });
    expect(decodeTokensSecret(secret)?.credentials).toEqual({ good: credentialWith() });
  });

  it('loses a configuration that is no map of texts', () => {
    expect(decodeTokensSecret(stateWith({ configuration: { 'watch-namespace': 7 } }))?.configuration).toBeUndefined();
    expect(decodeTokensSecret(stateWith({ configuration: ['all'] }))?.configuration).toBeUndefined();
  });

  const anything = fc.oneof(
    fc.base64String(),
    fc.string(),
    fc.json().map((json) => Buffer.from(json).toString('base64')),
    fc
      .record({
        schemaVersion: fc.constant(2),
        generation: fc.oneof(fc.double(), fc.anything()),
        since: fc.oneof(fc.double(), fc.anything()),
        credentials: fc.oneof(fc.dictionary(key, fc.oneof(fc.object(), credential)), fc.anything()),
        configuration: fc.anything(),
      })
      .map((value) => Buffer.from(JSON.stringify(value, jsonable)).toString('base64')),
  );

  it('is never a reason to throw, nor is what was read from it', () => {
    fc.assert(
      fc.property(anything, fc.integer(), (data, now) => {
        const decoded = decodeTokensSecret(secretAt('acr/tokens', { data: { 'state.json': data } }));
        if (!decoded) return;
        const domains = Object.entries(decoded.credentials).flatMap(([name, it]) =>
          it.domains.map((d) => [d, [name]] as const),
        );
        const tokens = { ...decoded, credentials: new Map(Object.entries(decoded.credentials)) };
        const content = pullSecretContent(sourcesWith({ tokens, layer: new Map(domains) }), now);
        pullSecret({ namespace: 'a', name: 'b' }, content);
        for (const value of Object.values(decoded.configuration ?? {})) expect(value).toBeTypeOf('string');
      }),
    );
  });
});

function jsonable(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
