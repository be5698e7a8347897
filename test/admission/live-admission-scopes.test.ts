import { beforeEach, describe, expect, it } from 'vitest';
import type { LiveAdmissionView } from '../../src/admission/live-admission-view.ts';
import { configWith, registry } from '../builders/config.ts';
import { credentialsOf, credentialWith, HOUR_MS, START } from '../builders/credential.ts';
import { AdmissionWorld } from '../fakes/admission-world.ts';

let world: AdmissionWorld;
let view: LiveAdmissionView;

const other = { ...registry, key: 'cri-b', instanceId: 'cri-b', namespaces: ['team-b'] };

beforeEach(() => {
  world = new AdmissionWorld();
  world.config = configWith({ registries: [registry, other] });
  world.tokens = {
    generation: 1,
    credentials: credentialsOf(
      [registry, credentialWith({ domains: ['a.example.com'] })],
      [other, credentialWith({ domains: ['b.example.com'], expiresAt: START + 2 * HOUR_MS })],
    ),
  };
  view = world.view();
});

const of = (namespace: string) => view.of(namespace)!;
const manages = (namespace: string, image: string) => of(namespace).managesImage(image);
const know = (...keys: string[]) => {
  for (const key of keys) world.putSecret(key);
};

describe('what a namespace gets', () => {
  it('decides which images are ours there', () => {
    expect(manages('team-b', 'b.example.com/x')).toBe(true);
    expect(manages('team-a', 'b.example.com/x')).toBe(false);
    expect(manages('team-a', 'a.example.com/x')).toBe(true);
  });

  it('decides whether there is a token for it, and which are missing', () => {
    world.clock.advance(HOUR_MS);
    expect(of('team-a')).toMatchObject({ hasLiveCredential: false, deadRegistries: ['cri-a'] });
    expect(of('team-b')).toMatchObject({ hasLiveCredential: true, deadRegistries: ['cri-a'] });
  });

  it('decides whether it is a target at all', () => {
    world.config = configWith({ registries: [other] });
    expect([of('team-a').isTarget, of('team-b').isTarget]).toEqual([false, true]);
  });

  it('is nothing where no registry is meant for it and the Secrets of `extra-auths` give nothing', () => {
    world.config = configWith({ registries: [other], extraAuths: ['hub'] });
    expect([of('team-a').isTarget, of('team-b').isTarget]).toEqual([false, true]);
    world.extraAuths = { auths: { 'hub.example.com': {} }, isSettled: true };
    expect(of('team-a')).toMatchObject({ isTarget: true, hasLiveCredential: true });
  });

  it('is the token of nobody else who was asked for under the same key before an edit', () => {
    const theirs = { ...other, accessKeySecretRef: 'other', domains: ['b.example.com'] };
    world.config = configWith({ registries: [theirs] });
    expect(of('team-b')).toMatchObject({ hasLiveCredential: false, deadRegistries: ['cri-b'] });
    expect(manages('team-b', 'b.example.com/x')).toBe(true);
  });

  it('follows an edit of the namespaces', () => {
    expect(manages('team-a', 'b.example.com/x')).toBe(false);
    world.config = configWith({ registries: [registry, { ...other, namespaces: ['team-a'] }] });
    expect(manages('team-a', 'b.example.com/x')).toBe(true);
    expect(manages('team-b', 'b.example.com/x')).toBe(false);
  });
});

describe('entries that somebody else keeps', () => {
  it('make their images ours, ports and globs included, as long as they are there', () => {
    expect(manages('team-a', 'hub.example.com:5000/x')).toBe(false);
    world.extraAuths = { auths: { 'hub.example.com:5000': {}, '*.mirror.example.com': {} }, isSettled: true };
    expect(manages('team-a', 'hub.example.com:5000/x')).toBe(true);
    expect(manages('team-a', 'eu.mirror.example.com/x')).toBe(true);
    world.extraAuths = { auths: {}, isSettled: true };
    expect(manages('team-a', 'hub.example.com:5000/x')).toBe(false);
  });

  it('are something to pull with while no token is live', () => {
    world.clock.advance(HOUR_MS);
    world.extraAuths = { auths: { 'hub.example.com': {} }, isSettled: true };
    expect(of('team-a').hasLiveCredential).toBe(true);
  });
});

describe('the pull Secrets that lists are to name', () => {
  beforeEach(() => {
    const second = { ...registry, key: 'cri-b', accessKeySecretRef: 'other' };
    world.config = configWith({ registries: [registry, second] });
    const shared = ['a.example.com'];
    world.tokens = {
      generation: 1,
      credentials: credentialsOf(
        [registry, credentialWith({ domains: shared })],
        [second, credentialWith({ domains: shared, password: 'other', expiresAt: START + 2 * HOUR_MS })],
      ),
    };
  });

  it('are those of all accounts on a domain', () => {
    expect(of('team-a').secretNames).toEqual(['pull', 'pull-2']);
    expect(of('team-a').secretKnown).toBe(false);
    know('team-a/pull');
    expect(of('team-a').secretKnown).toBe(false);
    know('team-a/pull-2');
    expect(of('team-a').secretKnown).toBe(true);
  });

  it('are the first in any case, and a further one that holds a token or is there', () => {
    world.clock.advance(HOUR_MS);
    expect(of('team-a')).toMatchObject({ secretNames: ['pull', 'pull-2'], secretKnown: false });
    know('team-a/pull-2');
    expect(of('team-a')).toMatchObject({ secretNames: ['pull', 'pull-2'], secretKnown: true });
    world.clock.advance(HOUR_MS);
    expect(of('team-a')).toMatchObject({ secretNames: ['pull'], hasLiveCredential: false });
    world.tokens = { generation: 2, credentials: {} };
    expect(of('team-a').secretNames).toEqual(['pull']);
  });
});
