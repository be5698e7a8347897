import { beforeEach, describe, expect, it } from 'vitest';
import type { ObservedCluster } from '../../src/app/cluster-state.ts';
import type { Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import type { DesiredSecrets } from '../../src/secrets/desired-content.ts';
import { pullSecret, type PullSecretContent } from '../../src/secrets/pull-secret.ts';
import { PullSecretWriter } from '../../src/secrets/pull-secret-writer.ts';
import { contentOf, desiredSecrets, emptyContent } from '../builders/content.ts';
import { refAt, secretAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';
import { openGuard } from '../fakes/open-guard.ts';
import { observedCluster, SECRET_NAME } from '../fakes/observed-cluster.ts';

const ref = refAt(`a/${SECRET_NAME}`);

let clock: ManualClock;
let api: MemoryApi;
let observed: ObservedCluster;
let content: PullSecretContent | undefined;
let written: string[];
let writer: PullSecretWriter;
let isAnswered: boolean;
let awaitsSuccessor: boolean;

beforeEach(async () => {
  clock = new ManualClock();
  api = new MemoryApi();
  content = contentOf('first', 1);
  written = [];
  isAnswered = true;
  awaitsSuccessor = false;
  observed = await observedCluster(api, clock, new AbortController().signal);
  writer = new PullSecretWriter({
    clock,
    client: api,
    secrets: observed.pullSecrets,
    secretName: SECRET_NAME,
    desired: () => desiredSecrets(content),
    loopGuard: openGuard,
    isAnswered: () => isAnswered,
    awaitsSuccessor: () => awaitsSuccessor,
    onWritten: (namespace, reason) => written.push(`${namespace} ${reason}`),
  });
});

const stored = (): Secret | undefined => api.read(resources.secrets, ref);
const storedData = () => stored()?.data?.['.dockerconfigjson'];
const writes = () => api.count({ verb: 'apply' });

function holdAnswers() {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  api.beforeAnswer = ({ verb }) => (verb === 'apply' ? promise.then(() => undefined) : undefined);
  return () => resolve(undefined);
}

describe('the wish for a pull Secret', () => {
  it('makes one where there is none, and is told that it is known at once', async () => {
    expect(writer.stateOf('a').isKnown).toBe(false);
    expect(await writer.ensure('a')).toBe('Written');
    expect(writer.stateOf('a').isKnown).toBe(true);
    expect(stored()).toMatchObject(pullSecret(ref, content!));
    expect(written).toEqual(['a Missing']);
  });

  it('is fulfilled where it holds what it should', async () => {
    await writer.ensure('a');
    expect(await writer.ensure('a')).toBe('UpToDate');
    expect(writes()).toBe(1);
  });

  it('renews, and does not make it another object', async () => {
    await writer.ensure('a');
    const uid = stored()?.metadata.uid;
    content = contentOf('second', 2);
    expect(await writer.ensure('a')).toBe('Written');
    expect(stored()?.metadata.uid).toBe(uid);
    expect(storedData()).toBe(content.data);
    expect(written).toEqual(['a Missing', 'a Renewed']);
  });

  it('cannot be fulfilled without a token, and writes nothing', async () => {
    content = undefined;
    expect(await writer.ensure('a')).toBe('NoCredential');
    expect(writes()).toBe(0);
  });

  it('adopts one of the right type, keeping the labels that it has', async () => {
    api.put(
      resources.secrets,
      secretAt('a/pull', { type: 'kubernetes.io/dockerconfigjson' }, { labels: { team: 'x' } }),
    );
    await clock.pass(0);
    expect(await writer.ensure('a')).toBe('Written');
    expect(stored()?.metadata.labels).toMatchObject({ team: 'x' });
    expect(written).toEqual(['a Adopted']);
  });
});

describe('a Secret that somebody else fills', () => {
  beforeEach(async () => {
    api.put(resources.secrets, secretAt('a/pull', { type: 'kubernetes.io/dockerconfigjson' }));
    await clock.pass(0);
    isAnswered = false;
  });

  it('is left as it is, and known, until there is everything to put in its place', async () => {
    const before = stored();
    expect(await writer.ensure('a')).toBe('UpToDate');
    expect(writer.stateOf('a').isKnown).toBe(true);
    expect(stored()).toEqual(before);
    isAnswered = true;
    expect(await writer.ensure('a')).toBe('Written');
    expect(written).toEqual(['a Adopted']);
  });

  it('or that holds tokens of which nothing is known any more, is left as it is until then', async () => {
    content = contentOf('before the tokens Secret was lost', 7);
    await writer.ensure('b');
    content = { ...contentOf('after', 1), expiresAt: content.expiresAt + 1 };
    expect(await writer.ensure('b')).toBe('UpToDate');
    isAnswered = true;
    expect(await writer.ensure('b')).toBe('Written');
    expect(written).toEqual(['b Missing', 'b Drifted']);
  });

  it('holds up neither a namespace that has none nor one whose Secret was adopted before', async () => {
    expect(await writer.ensure('b')).toBe('Written');
    content = contentOf('second', 2);
    expect(await writer.ensure('b')).toBe('Written');
    expect(written).toEqual(['b Missing', 'b Renewed']);
  });
});

describe('several Secrets that have to wait', () => {
  const writerOf = (waits: Record<string, number>, secrets: DesiredSecrets) =>
    new PullSecretWriter({
      clock,
      client: api,
      secrets: observed.pullSecrets,
      secretName: SECRET_NAME,
      desired: () => secrets,
      loopGuard: { ...openGuard, waitMs: ({ name }) => waits[name] ?? 0 },
      onWritten: () => undefined,
    });

  it.each([
    { pull: 5_000, 'pull-2': 2_000 },
    { pull: 2_000, 'pull-2': 5_000 },
  ])('are looked at again when the first of %j may be written', async (waits) => {
    const fought = writerOf(waits, desiredSecrets(contentOf('first', 1), contentOf('second', 1)));
    expect((await fought.keep('a')).lookAgainInMs).toBe(2_000);
    expect(writes()).toBe(0);
  });

  it.each([60_000, 7_200_000])(
    'are looked at again when one is held for an hour and one fought for %d ms',
    async (waitMs) => {
      // Held for as long as a token that somebody else put there may live.
      const filled = { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': btoa('{}') } };
      const put = api.put<Secret>(resources.secrets, secretAt('a/pull', filled));
      put.metadata.creationTimestamp = new Date(clock.now()).toISOString();
      api.put<Secret>(resources.secrets, put);
      await clock.pass(0);
      const held = { ...emptyContent(), isEmpty: false, lacksTokens: true };
      const fought = writerOf({ 'pull-2': waitMs }, desiredSecrets(held, contentOf('second', 1)));
      expect((await fought.keep('a')).lookAgainInMs).toBe(Math.min(waitMs, 3_600_000));
    },
  );
});

describe('a Secret that is to hold nothing any more', () => {
  it('is emptied, not deleted', async () => {
    await writer.ensure('a');
    const uid = stored()?.metadata.uid;
    content = emptyContent(2);
    expect(writer.stateOf('a').hasContent).toBe(false);
    expect(await writer.ensure('a')).toBe('NoCredential');
    expect(stored()).toMatchObject({ metadata: { uid }, data: { '.dockerconfigjson': btoa('{"auths":{}}') } });
    expect(await writer.ensure('a')).toBe('NoCredential');
    expect(written).toEqual(['a Missing', 'a Renewed']);
  });

  it('is not while the successor of a login in it is on its way', async () => {
    await writer.ensure('a');
    content = emptyContent(2);
    awaitsSuccessor = true;
    await writer.ensure('a');
    expect(written).toEqual(['a Missing']);
    content = contentOf('successor', 3);
    awaitsSuccessor = false;
    expect(await writer.ensure('a')).toBe('Written');
  });
});

describe('wishes at the same moment', () => {
  it('become one write', async () => {
    const letGo = holdAnswers();
    const wishes = Array.from({ length: 20 }, () => writer.ensure('a'));
    await clock.pass(0);
    wishes.push(writer.ensure('a'));
    letGo();
    expect(new Set(await Promise.all(wishes))).toEqual(new Set(['Written']));
    expect(writes()).toBe(1);
  });

  it('in different namespaces do not wait for each other', async () => {
    const letGo = holdAnswers();
    const wishes = [writer.ensure('a'), writer.ensure('b')];
    await clock.pass(0);
    expect(writes()).toBe(2);
    letGo();
    expect(await Promise.all(wishes)).toEqual(['Written', 'Written']);
  });

  it('share a failure, and the next one begins anew', async () => {
    api.intercept = () => {
      throw refusal(500, 'InternalError');
    };
    const outcomes = await Promise.allSettled([writer.ensure('a'), writer.ensure('a')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(writes()).toBe(1);
    api.intercept = () => undefined;
    expect(await writer.ensure('a')).toBe('Written');
  });
});

describe('a newer content while an older one is on its way', () => {
  it('is written after it, once', async () => {
    const letGo = holdAnswers();
    const older = writer.ensure('a');
    await clock.pass(0);
    content = contentOf('second', 2);
    const newer = Array.from({ length: 5 }, () => writer.ensure('a'));
    await clock.pass(0);
    expect(writes()).toBe(1);
    letGo();
    expect(await older).toBe('Written');
    expect(new Set(await Promise.all(newer))).toEqual(new Set(['Written']));
    expect(storedData()).toBe(content.data);
    expect(writes()).toBe(2);
  });

  it('is written though the older one fails', async () => {
    const { promise, reject } = Promise.withResolvers<undefined>();
    api.intercept = () => promise.then(() => undefined);
    const older = writer.ensure('a');
    await clock.pass(0);
    content = contentOf('second', 2);
    const newer = writer.ensure('a');
    api.intercept = () => undefined;
    reject(refusal(500, 'InternalError'));
    await expect(older).rejects.toMatchObject({ status: 500 });
    expect(await newer).toBe('Written');
    expect(storedData()).toBe(content.data);
  });

  it('is the one that counts when another comes after it', async () => {
    const letGo = holdAnswers();
    const wishes = [writer.ensure('a')];
    for (let generation = 2; generation < 6; generation++) {
      content = contentOf(`token-${generation}`, generation);
      wishes.push(writer.ensure('a'));
      await clock.pass(0);
    }
    letGo();
    await Promise.all(wishes);
    expect(storedData()).toBe(content?.data);
    expect(writes()).toBe(2);
  });
});

describe('a Secret of somebody else', () => {
  it.each([
    ['of another type', secretAt('a/pull', { type: 'Opaque' }), 'ForeignType'],
    [
      'that cannot be changed',
      secretAt('a/pull', { type: 'kubernetes.io/dockerconfigjson', immutable: true }),
      'Immutable',
    ],
  ])('%s is left alone', async (_, secret, reason) => {
    api.put(resources.secrets, secret);
    await clock.pass(0);
    expect(writer.stateOf('a').foreign).toBe(reason);
    expect(writer.stateOf('a').isKnown).toBe(false);
    expect(await writer.ensure('a')).toBe('Foreign');
    expect(writes()).toBe(0);
  });

  it('that no watch has brought yet is a refusal like any other: the watch will tell', async () => {
    api.silence = clock.sleep(60_000);
    api.endWatches();
    api.put(resources.secrets, secretAt('a/pull', { type: 'Opaque' }));
    await expect(writer.ensure('a')).rejects.toMatchObject({ status: 422 });
  });
});

describe('what the API server refuses', () => {
  it.each([
    ['there is no such namespace', refusal(404, 'NotFound')],
    ['the namespace is going', refusal(403, 'Forbidden', { causes: [{ reason: 'NamespaceTerminating' }] })],
  ])('because %s is no failure', async (_, error) => {
    api.intercept = () => {
      throw error;
    };
    expect(await writer.ensure('a')).toBe('NamespaceGone');
  });

  it.each([
    ['a quota is exceeded', refusal(403, 'Forbidden')],
    ['it has too much to do', refusal(429, 'TooManyRequests')],
    ['somebody else wrote it', refusal(409, 'Conflict')],
  ])('because %s is for the caller to try again', async (_, error) => {
    api.intercept = () => {
      throw error;
    };
    await expect(writer.ensure('a')).rejects.toBe(error);
  });

  it('is a write on what is not there any more: that of another replica is not overwritten', async () => {
    await writer.ensure('a');
    await clock.pass(0);
    api.silence = clock.sleep(1_000);
    api.endWatches();
    const theirs = contentOf('theirs', 3);
    api.put(resources.secrets, pullSecret(ref, theirs));
    content = contentOf('ours', 2);
    await expect(writer.ensure('a')).rejects.toMatchObject({ status: 409 });
    await clock.pass(2_000);
    expect(await writer.ensure('a')).toBe('UpToDate');
    expect(storedData()).toBe(theirs.data);
  });
});
