import { beforeEach, expect, it, describe } from 'vitest';
import { LiveSources, type PullSecretSources } from '../../src/secrets/pull-secret-sources.ts';
import { configWith } from '../builders/config.ts';

let known: { -readonly [K in keyof PullSecretSources]: PullSecretSources[K] | undefined };
let sources: LiveSources;

beforeEach(() => {
  known = {
    config: configWith(),
    tokens: { generation: 1, credentials: {} },
    extraAuths: { auths: {}, isSettled: true },
    clusterRegion: undefined,
  };
  sources = new LiveSources({
    config: () => known.config,
    tokens: () => known.tokens!,
    extraAuths: () => known.extraAuths!,
    clusterRegion: () => known.clusterRegion,
  });
});

describe('what pull Secrets are made from', () => {
  it('is nothing before the first configuration', () => {
    known.config = undefined;
    expect(sources.current()).toBeUndefined();
  });

  it('is the same object for as long as nothing changed', () => {
    const before = sources.current();
    expect(before).toEqual(known);
    expect(sources.current()).toBe(before);
  });

  it.each<[keyof PullSecretSources, () => unknown]>([
    ['config', () => (known.config = configWith())],
    ['tokens', () => (known.tokens = { ...known.tokens! })],
    ['extraAuths', () => (known.extraAuths = { ...known.extraAuths! })],
    ['clusterRegion', () => (known.clusterRegion = 'cn-hangzhou')],
  ])('is another object once there is another %s', (part, change) => {
    const before = sources.current();
    change();
    expect(sources.current()).not.toBe(before);
    expect(sources.current()?.[part]).toBe(known[part]);
    expect(sources.current()).toBe(sources.current());
  });
});
