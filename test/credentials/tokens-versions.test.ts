import { beforeEach, describe, expect, it } from 'vitest';
import { TokensStore } from '../../src/credentials/tokens-store.ts';
import type { Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { credentialWith } from '../builders/credential.ts';
import { refAt, secretAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi } from '../fakes/memory-api.ts';

const KEY = 'acr/acr-credential-injector-tokens';

let clock: ManualClock;
let api: MemoryApi;
let newer: number;
const { signal } = new AbortController();

beforeEach(() => {
  clock = new ManualClock();
  api = new MemoryApi();
  newer = 0;
});

const encoded = (state: object) => Buffer.from(JSON.stringify(state)).toString('base64');
const written = (state: object, data: Record<string, string> = {}) =>
  api.put(resources.secrets, secretAt(KEY, { data: { 'state.json': encoded(state), ...data } }));

function found(): { state: Record<string, unknown>; data: Record<string, string> } {
  const { 'state.json': state = '', ...data } = (api.read(resources.secrets, refAt(KEY)) as Secret).data ?? {};
  return { state: JSON.parse(Buffer.from(state, 'base64').toString()) as Record<string, unknown>, data };
}

async function thisVersion(): Promise<TokensStore> {
  const store = new TokensStore({
    client: api,
    clock,
    namespace: 'acr',
    onWriteFailure: (error) => {
      throw error;
    },
    onNewerSchema: () => newer++,
  });
  void store.run(signal);
  await store.synced;
  await clock.pass(0);
  return store;
}

describe('beside a later version with the same schema, this one', () => {
  it('keeps every field that it does not know, wherever it is', async () => {
    const kept = { ...credentialWith({ password: 'kept' }), mirroredFrom: 'cri-b' };
    written(
      { schemaVersion: 2, generation: 5, credentials: { kept }, sessions: { role: 'x' }, minReader: 1 },
      { 'journal.json': 'e30=' },
    );
    const store = await thisVersion();
    await store.update(({ credentials }) => ({ credentials: { ...credentials, own: credentialWith() } }), signal);
    const { state, data } = found();
    expect(data).toEqual({ 'journal.json': 'e30=' });
    expect(state).toMatchObject({ schemaVersion: 2, sessions: { role: 'x' }, minReader: 1, credentials: { kept } });
    expect(Object.keys(state.credentials as object)).toEqual(['kept', 'own']);
  });

  it('writes a field that the later version changed in between as that one left it', async () => {
    written({ schemaVersion: 2, generation: 5, credentials: {}, sessions: 1 });
    const store = await thisVersion();
    written({ schemaVersion: 2, generation: 6, credentials: {}, sessions: 2 });
    const update = store.update(() => ({ credentials: { own: credentialWith() } }), signal);
    await clock.pass(1_000);
    await update;
    expect(found().state).toMatchObject({ sessions: 2, credentials: { own: credentialWith() } });
  });
});

describe('a Secret of a later schema', () => {
  const later = { schemaVersion: 3, generation: 9, registries: ['what that means is not known yet'] };

  it('is left alone, and what this version obtains is in force without it', async () => {
    written(later);
    const store = await thisVersion();
    expect(store.current.credentials).toEqual({});
    await store.update(() => ({ credentials: { own: credentialWith() } }), signal);
    expect(store.current.credentials).toEqual({ own: credentialWith() });
    expect(store.isStored).toBe(true); // there is nothing that could be stored
    expect(api.count({ verb: 'apply' })).toBe(0);
    expect(found().state).toEqual(later);
    expect(newer).toBe(1);
  });

  it('is left alone also when it came while a write was under way', async () => {
    written({ schemaVersion: 2, generation: 5, credentials: {} });
    const store = await thisVersion();
    api.intercept = ({ verb }) => {
      if (verb === 'apply') written(later);
    };
    const update = store.update(() => ({ credentials: { own: credentialWith() } }), signal);
    await clock.pass(1_000);
    await update;
    expect(found().state).toEqual(later);
    expect(store.current.credentials).toEqual({ own: credentialWith() });
  });
});
