import { beforeEach, describe, expect, it } from 'vitest';
import type { Config, RegistryEntry } from '../../src/config/config.ts';
import type { TokensState } from '../../src/credentials/tokens-secret.ts';
import { knownDomains } from '../../src/registry/managed-domains.ts';
import { DesiredContent, type DesiredSecret } from '../../src/secrets/desired-content.ts';
import type { MergedAuths } from '../../src/secrets/extra-auths.ts';
import { LiveSources } from '../../src/secrets/pull-secret-sources.ts';
import { configWith, registry } from '../builders/config.ts';
import { credentialsOf, credentialWith, HOUR_MS, START } from '../builders/credential.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

let clock: ManualClock;
let tokens: TokensState;
let config: Config | undefined;
let extraAuths: MergedAuths;
let clusterRegion: string | undefined;
let leftOut: string[];
let desired: DesiredContent;

const other: RegistryEntry = { ...registry, key: 'cri-b', instanceId: 'cri-b' };

beforeEach(() => {
  clock = new ManualClock();
  tokens = {
    generation: 1,
    credentials: credentialsOf(
      [registry, credentialWith({ password: 'token-a', domains: ['a'] })],
      [other, credentialWith({ password: 'token-b', domains: ['b'], expiresAt: START + 2 * HOUR_MS })],
    ),
  };
  config = configWith({ registries: [registry, other] });
  extraAuths = { auths: {}, isSettled: true };
  clusterRegion = undefined;
  leftOut = [];
  const sources = new LiveSources({
    config: () => config,
    tokens: () => tokens,
    extraAuths: () => extraAuths,
    clusterRegion: () => clusterRegion,
  });
  desired = new DesiredContent({
    clock,
    sources,
    domainsOf: knownDomains,
    secretName: 'pull',
    onTooLarge: (keys) => leftOut.push(...keys),
    onLeftOut: (logins) => leftOut.push(...logins.map(({ key, domain }) => `${key} on ${domain}`)),
  });
});

const secretsOf = (namespace = 'team-a') => desired.of(namespace).secrets;
const first = (namespace?: string): DesiredSecret => secretsOf(namespace)[0]!;
const expiresAt = () => first().content.expiresAt;

/** Of each pull Secret, the passwords by domain. */
function passwords(namespace?: string): Record<string, string>[] {
  return secretsOf(namespace).map(({ content }) => {
    const text = Buffer.from(content.data, 'base64').toString();
    const { auths } = JSON.parse(text) as { auths: Record<string, { password: string }> };
    return Object.fromEntries(Object.entries(auths).map(([domain, { password }]) => [domain, password]));
  });
}

describe('what a pull Secret is to hold', () => {
  it('is nothing before the first configuration', () => {
    config = undefined;
    expect(desired.of('team-a')).toMatchObject({ secrets: [] });
  });

  it('is made once, however often it is asked for, and for all namespaces', () => {
    const before = desired.of('team-a');
    clock.advance(HOUR_MS - 1);
    expect(desired.of('team-a')).toBe(before);
    expect(desired.of('team-b')).toBe(before);
  });

  it('is made anew for other tokens', () => {
    const { content } = first();
    tokens = { ...tokens, generation: 2, credentials: credentialsOf([registry, credentialWith({ password: 'next' })]) };
    expect(first().content.hash).not.toBe(content.hash);
  });

  it('is not made anew when a token would have expired that was renewed before', () => {
    first();
    const renewed = credentialWith({ expiresAt: START + 2 * HOUR_MS });
    tokens = { ...tokens, generation: 2, credentials: credentialsOf([registry, renewed]) };
    const before = desired.of('team-a');
    clock.advance(HOUR_MS);
    expect(desired.of('team-a')).toBe(before);
  });

  it('is made anew for another configuration', () => {
    config = configWith({ registries: [registry] });
    expect(expiresAt()).toBe(START + HOUR_MS);
    config = configWith({ registries: [other] });
    expect(expiresAt()).toBe(START + 2 * HOUR_MS);
  });

  it('loses a token when that expires, and remembers how it was with it', () => {
    const before = first().content;
    clock.advance(HOUR_MS);
    expect(expiresAt()).toBe(START + 2 * HOUR_MS);
    expect(first().content.hash).not.toBe(before.hash);
    expect(first().staleHash).toBe(before.hash);
  });

  it('is nothing when the last token has expired, until there is another', () => {
    clock.advance(2 * HOUR_MS);
    expect(first().content).toMatchObject({ isEmpty: true, lacksTokens: true });
    tokens = {
      generation: 2,
      credentials: credentialsOf([registry, credentialWith({ expiresAt: START + 3 * HOUR_MS })]),
    };
    expect(expiresAt()).toBe(START + 3 * HOUR_MS);
  });

  it('has the e-mail address of the configuration, and is made anew for another', () => {
    const emails = () =>
      Buffer.from(first().content.data, 'base64')
        .toString()
        .match(/"email":"[^"]*"/g) ?? [];
    expect(emails()).toEqual([]);
    config = configWith({ registries: [registry, other], notifyEmail: 'ops@example.com' });
    expect(emails()).toEqual(['"email":"ops@example.com"', '"email":"ops@example.com"']);
  });
});

describe('registries for some namespaces only', () => {
  beforeEach(() => {
    config = configWith({ registries: [registry, { ...other, namespaces: ['team-b', 'team-c'] }] });
  });

  it('are in the pull Secrets of these, and in no other', () => {
    expect(passwords('team-a')).toEqual([{ a: 'token-a' }]);
    expect(passwords('team-b')).toEqual([{ a: 'token-a', b: 'token-b' }]);
  });

  it('make one content for all namespaces that get the same', () => {
    expect(desired.of('team-b')).toBe(desired.of('team-c'));
    expect(desired.of('team-a')).toBe(desired.of('team-d'));
    expect(desired.of('team-a')).not.toBe(desired.of('team-b'));
  });

  it('leave the content of others as it is when they are renewed', () => {
    const { content } = first('team-a');
    const renewed = credentialWith({ password: 'next', domains: ['b'] });
    tokens = { generation: 2, credentials: { ...tokens.credentials, ...credentialsOf([other, renewed]) } };
    expect(first('team-a').content.hash).toBe(content.hash);
    expect(passwords('team-b')).toEqual([{ a: 'token-a', b: 'next' }]);
  });

  it('expire for these alone', () => {
    expect(first('team-b').content.expiresAt).toBe(START + HOUR_MS);
    clock.advance(HOUR_MS);
    expect(first('team-a').content).toMatchObject({ isEmpty: true });
    expect(passwords('team-b')).toEqual([{ b: 'token-b' }]);
  });
});

describe('an edit of the configuration', () => {
  it('gives nobody a token that was asked for as somebody else under the same key', () => {
    config = configWith({ registries: [{ ...registry, accessKeySecretRef: 'other', domains: ['a'] }, other] });
    expect(passwords()).toEqual([{ b: 'token-b' }]);
    config = configWith({ registries: [{ ...registry, regionId: 'cn-beijing', domains: ['a'] }, other] });
    expect(passwords()).toEqual([{ b: 'token-b' }]);
  });

  it('keeps a token under whatever key its entry goes by now', () => {
    config = configWith({ registries: [{ ...other, key: 'cri-a' }] });
    expect(passwords()).toEqual([{ b: 'token-b' }]);
  });

  it('of the domains takes effect at once, with the token that there is', () => {
    config = configWith({ registries: [{ ...registry, domains: ['new', 'a'] }] });
    expect(passwords()).toEqual([{ a: 'token-a', new: 'token-a' }]);
    config = configWith({ registries: [{ ...registry, domains: ['new'] }] });
    expect(passwords()).toEqual([{ new: 'token-a' }]);
  });
});

describe('several accounts on one domain', () => {
  /** As many entries of one instance as there are accounts, on domain `a`; a token for each. */
  function accounts(count: number): void {
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    const entries = numbers.map((n) => ({ ...registry, key: `a-${n}`, accessKeySecretRef: `account-${n}` }));
    config = configWith({ registries: entries });
    tokens = {
      generation: 1,
      credentials: credentialsOf(
        ...entries.map((entry, n) => [entry, credentialWith({ password: `token-${n + 1}`, domains: ['a'] })] as const),
      ),
    };
  }

  it('have a pull Secret each, in the order of the configuration', () => {
    accounts(3);
    expect(secretsOf().map(({ name }) => name)).toEqual(['pull', 'pull-2', 'pull-3']);
    expect(passwords()).toEqual([{ a: 'token-1' }, { a: 'token-2' }, { a: 'token-3' }]);
  });

  it('keep their places when one of them has no live token', () => {
    accounts(2);
    const expired = credentialsOf([config!.registries[0]!, credentialWith({ domains: ['a'], expiresAt: START })]);
    tokens = { generation: 2, credentials: { ...tokens.credentials, ...expired } };
    expect(passwords()).toEqual([{}, { a: 'token-2' }]);
    expect(first().content).toMatchObject({ isEmpty: true, lacksTokens: true });
    expect(first().staleHash).toBeDefined();
  });

  it('are left out from the sixth on, and that is said', () => {
    accounts(7);
    expect(secretsOf()).toHaveLength(5);
    expect(leftOut).toEqual(['a-6 on a', 'a-7 on a']);
  });

  it('are certain to need no further one only when the domains of all registries are known', () => {
    accounts(2);
    expect(desired.of('team-a').mayNeed).toEqual(['pull', 'pull-2']);
    tokens = { generation: 2, credentials: {} };
    expect(desired.of('team-a').mayNeed).toHaveLength(5);
    config = configWith({ registries: [{ key: 'personal', domains: [] }] });
    expect(desired.of('team-a').mayNeed).toHaveLength(5);
    clusterRegion = 'cn-hangzhou';
    expect(desired.of('team-a').mayNeed).toEqual(['pull']);
  });
});

describe('entries that somebody else keeps', () => {
  const theirs = { password: 'static' };

  it('are in the first pull Secret, where no token has that key', () => {
    extraAuths = { auths: { a: theirs, c: theirs }, isSettled: true };
    expect(passwords()).toEqual([{ a: 'token-a', b: 'token-b', c: 'static' }]);
    extraAuths = { auths: {}, isSettled: true };
    expect(passwords()).toEqual([{ a: 'token-a', b: 'token-b' }]);
  });

  it('stand alone while no token is live, which is said', () => {
    extraAuths = { auths: { c: theirs }, isSettled: true };
    clock.advance(2 * HOUR_MS);
    expect(passwords()).toEqual([{ c: 'static' }]);
    expect(first().content).toMatchObject({ lacksTokens: true, isEmpty: false, expiresAt: Number.POSITIVE_INFINITY });
  });

  it('alone are all there is to a namespace that gets no token', () => {
    config = configWith({ registries: [{ ...registry, namespaces: ['team-b'] }] });
    extraAuths = { auths: { c: theirs }, isSettled: true };
    expect(first('team-a').content).toMatchObject({ lacksTokens: false, isEmpty: false });
  });

  it('for which there is no room are told of', () => {
    extraAuths = { auths: { c: theirs, large: { auth: 'x'.repeat(1_000_000) } }, isSettled: true };
    expect(passwords()).toEqual([{ a: 'token-a', b: 'token-b', c: 'static' }]);
    expect(leftOut).toEqual(['large']);
  });

  it('that are not known yet do not replace what is there', () => {
    extraAuths = { auths: {}, isSettled: false };
    expect(first().content).toMatchObject({ isPartial: true });
    extraAuths = { auths: { c: theirs }, isSettled: true };
    expect(first().content).toMatchObject({ isPartial: false });
  });
});
