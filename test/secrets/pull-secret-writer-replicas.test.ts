import { beforeEach, describe, expect, it } from 'vitest';
import type { ObservedCluster } from '../../src/app/cluster-state.ts';
import type { Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { pullSecret, type PullSecretContent } from '../../src/secrets/pull-secret.ts';
import { PullSecretWriter } from '../../src/secrets/pull-secret-writer.ts';
import { contentOf, desiredSecrets } from '../builders/content.ts';
import { refAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi } from '../fakes/memory-api.ts';
import { openGuard } from '../fakes/open-guard.ts';
import { observedCluster, SECRET_NAME } from '../fakes/observed-cluster.ts';

const ref = refAt(`a/${SECRET_NAME}`);

let api: MemoryApi;
let observed: ObservedCluster;
let content: PullSecretContent;
let leads: boolean;
let writer: PullSecretWriter;

beforeEach(async () => {
  const clock = new ManualClock();
  api = new MemoryApi();
  content = contentOf('older', 1);
  leads = false;
  observed = await observedCluster(api, clock, new AbortController().signal);
  // As for a process that was stopped: nothing of what happens reaches it.
  api.silence = new Promise(() => undefined);
  writer = new PullSecretWriter({
    clock,
    client: api,
    leads: () => leads,
    secrets: observed.pullSecrets,
    secretName: SECRET_NAME,
    desired: () => desiredSecrets(content),
    loopGuard: openGuard,
    onWritten: () => undefined,
  });
});

const stored = (): Secret | undefined => api.read(resources.secrets, ref);
const storedData = () => stored()?.data?.['.dockerconfigjson'];
const writtenByLeader = (newer: PullSecretContent) => api.put(resources.secrets, pullSecret(ref, newer));

describe('a replica that does not lead and whose watch is late', () => {
  it('puts no older token in the place of a newer one that it does not know of', async () => {
    const newer = contentOf('newer', 2);
    writtenByLeader(newer);
    expect(await writer.ensure('a')).toBe('UpToDate');
    expect(storedData()).toBe(newer.data);
    expect(writer.stateOf('a').isKnown).toBe(true);
  });

  it('makes the Secret where there really is none', async () => {
    expect(await writer.ensure('a')).toBe('Written');
    expect(storedData()).toBe(content.data);
  });

  it('loses against the leader that writes between its look and its write of a Secret that was older', async () => {
    writtenByLeader(contentOf('oldest', 0.5));
    const newer = contentOf('newer', 2);
    api.intercept = ({ verb }) => {
      if (verb === 'apply') writtenByLeader(newer);
    };
    await expect(writer.ensure('a')).rejects.toMatchObject({ status: 409 });
    expect(storedData()).toBe(newer.data);
  });
});

it('the leader, whose tokens are the newest there are, looks at nothing before it makes a Secret', async () => {
  leads = true;
  const lists = api.count({ verb: 'list' });
  expect(await writer.ensure('a')).toBe('Written');
  expect(api.count({ verb: 'list' })).toBe(lists);
});

it('the leader looks first where it is not known yet what there is, as in a namespace that has only just come', async () => {
  leads = true;
  const foreign = api.put<Secret>(resources.secrets, { metadata: ref, type: 'Opaque' });
  writer = new PullSecretWriter({
    clock: new ManualClock(),
    client: api,
    leads: () => leads,
    secrets: {
      get: (which) => observed.pullSecrets.get(which),
      observe: (secret) => observed.pullSecrets.observe(secret),
      hasSynced: false,
    },
    secretName: SECRET_NAME,
    desired: () => desiredSecrets(content),
    loopGuard: openGuard,
    onWritten: () => undefined,
  });
  expect(await writer.ensure('a')).toBe('Foreign');
  expect(stored()).toEqual(foreign);
});
