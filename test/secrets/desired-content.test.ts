import { beforeEach, describe, expect, it } from 'vitest';
import type { RegistryEntry } from '../../src/config/config.ts';
import type { TokensState } from '../../src/credentials/tokens-secret.ts';
import { DesiredContent } from '../../src/secrets/desired-content.ts';
import { registry } from '../builders/config.ts';
import { credentialWith, HOUR_MS, START } from '../builders/credential.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

let clock: ManualClock;
let tokens: TokensState;
let registries: RegistryEntry[];
let desired: DesiredContent;

beforeEach(() => {
  clock = new ManualClock();
  tokens = {
    generation: 1,
    credentials: {
      'cri-a': credentialWith({ domains: ['a'] }),
      'cri-b': credentialWith({ domains: ['b'], expiresAt: START + 2 * HOUR_MS }),
    },
  };
  registries = [registry, { ...registry, key: 'cri-b' }];
  desired = new DesiredContent({ clock, tokens: () => tokens, registries: () => registries });
});

const expiresAt = () => desired.current()?.content.expiresAt;

describe('what every pull Secret is to hold', () => {
  it('is made once, however often it is asked for', () => {
    const first = desired.current();
    clock.advance(HOUR_MS - 1);
    expect(desired.current()).toBe(first);
  });

  it('is made anew for other tokens', () => {
    const { content } = desired.current()!;
    tokens = { ...tokens, generation: 2, credentials: { 'cri-a': credentialWith({ password: 'next' }) } };
    expect(desired.current()?.content.hash).not.toBe(content.hash);
  });

  it('is made anew for another configuration', () => {
    registries = [registry];
    expect(desired.current()?.content.expiresAt).toBe(START + HOUR_MS);
    registries = [{ ...registry, key: 'cri-b' }];
    expect(desired.current()?.content.expiresAt).toBe(START + 2 * HOUR_MS);
  });

  it('loses a token when that expires, and remembers how it was with it', () => {
    const before = desired.current()!;
    clock.advance(HOUR_MS);
    expect(expiresAt()).toBe(START + 2 * HOUR_MS);
    expect(desired.current()?.content.hash).not.toBe(before.content.hash);
    expect(desired.current()?.staleHash).toBe(before.content.hash);
  });

  it('is nothing when the last token has expired, until there is another', () => {
    clock.advance(2 * HOUR_MS);
    expect(desired.current()).toBeUndefined();
    tokens = { generation: 2, credentials: { 'cri-a': credentialWith({ expiresAt: START + 3 * HOUR_MS }) } };
    expect(expiresAt()).toBe(START + 3 * HOUR_MS);
  });
});
