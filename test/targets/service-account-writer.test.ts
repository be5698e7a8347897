import { beforeEach, describe, expect, it } from 'vitest';
import type { ObservedCluster } from '../../src/app/cluster-state.ts';
import type { WriteOptions } from '../../src/kube/kube-client.ts';
import type { KubeObject, ManagedFieldsEntry, ServiceAccount } from '../../src/kube/objects.ts';
import { refOf } from '../../src/kube/object-map.ts';
import { resources } from '../../src/kube/resources.ts';
import { ServiceAccountWriter } from '../../src/targets/service-account-writer.ts';
import { listOwnedBy, refAt, serviceAccountAt } from '../builders/kube-objects.ts';
import { takeList } from '../fakes/field-ownership.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal, type ApiCall } from '../fakes/memory-api.ts';
import { observedCluster, SECRET_NAME } from '../fakes/observed-cluster.ts';

const { serviceAccounts } = resources;
const ref = refAt('a/app');
const US = 'acr-credential-injector';

let api: MemoryApi;
let clock: ManualClock;
let observed: ObservedCluster;
let isReached: boolean;
let patched: string[];
let writer: ServiceAccountWriter;

beforeEach(async () => {
  api = new MemoryApi();
  clock = new ManualClock();
  isReached = false;
  patched = [];
  observed = await observedCluster(api, clock, new AbortController().signal);
  writer = new ServiceAccountWriter({
    client: api,
    serviceAccounts: observed.serviceAccounts,
    reachedByWebhook: () => isReached,
    onPatched: (_ref, reason) => patched.push(reason),
  });
});

const put = (names?: string[], managers: string[] = []) =>
  api.put(serviceAccounts, serviceAccountAt('a/app', names, { managedFields: managers.map(listOwnedBy) }));
const stored = (): ServiceAccount | undefined => api.read(serviceAccounts, ref);
const names = () => stored()?.imagePullSecrets?.map(({ name }) => name);
const managers = () => stored()?.metadata.managedFields?.map(({ manager }) => manager);
const patches = () => api.calls.filter(({ verb }) => verb === 'jsonPatch').map(({ body }) => body as { op: string }[]);

/** The API server's own part: whoever changes the list owns it; a list of one empty entry empties managedFields. */
function trackOwnership(object: KubeObject, { options }: ApiCall): KubeObject {
  const before = stored();
  const { imagePullSecrets } = object as ServiceAccount;
  const changed = JSON.stringify(imagePullSecrets) !== JSON.stringify(before?.imagePullSecrets);
  const fields = (object.metadata.managedFields ?? []).filter((entry: ManagedFieldsEntry) => entry.manager);
  const { fieldManager = US } = options as WriteOptions;
  const managedFields = changed ? takeList(fields, fieldManager) : fields;
  return { ...object, metadata: { ...object.metadata, managedFields } };
}

/** Somebody changes the ServiceAccount just before our next `times` patches. */
function interfere(times: number, change: () => unknown): void {
  api.intercept = ({ verb }) => {
    if (verb === 'jsonPatch' && times-- > 0) change();
  };
}

describe('attaching, where no webhook does it', () => {
  beforeEach(() => {
    api.admit = trackOwnership;
  });

  it('appends the entry and owns the list no longer', async () => {
    put(['theirs'], ['helm']);
    await writer.attach(ref, [SECRET_NAME]);
    expect(names()).toEqual(['theirs', SECRET_NAME]);
    expect(managers()).toEqual(['helm']);
    expect(patched).toEqual(['Attached', 'OwnershipReleased']);
  });

  it('makes a list where there is none', async () => {
    put();
    await writer.attach(ref, [SECRET_NAME]);
    expect(names()).toEqual([SECRET_NAME]);
    expect(managers()).toEqual([]);
  });

  it('counts at once for what is decided next', async () => {
    put();
    await writer.attach(ref, [SECRET_NAME]);
    expect(observed.serviceAccounts.get(refOf('a/app'))).toMatchObject({
      references: [SECRET_NAME],
      listOwner: 'nobody',
    });
  });

  it('does nothing where the entry is', async () => {
    put([SECRET_NAME]);
    await writer.attach(ref, [SECRET_NAME]);
    expect(patches()).toEqual([]);
  });

  it('is done where the ServiceAccount is gone, before or after it was read', async () => {
    await writer.attach(ref, [SECRET_NAME]);
    put();
    interfere(1, () => api.remove(serviceAccounts, ref));
    await writer.attach(ref, [SECRET_NAME]);
    expect(patched).toEqual([]);
  });
});

describe('a change by somebody else at the same time', () => {
  it('is kept: the patch is made anew', async () => {
    put(['one']);
    const lists = [['one', 'two'], ['two'], undefined];
    interfere(3, () => put(lists.shift()));
    await writer.attach(ref, [SECRET_NAME]);
    expect(names()).toEqual([SECRET_NAME]);
    expect(patches()).toHaveLength(4);
  });

  it('that attaches the entry is all that was wanted', async () => {
    put(['one']);
    interfere(1, () => put(['one', SECRET_NAME]));
    await writer.attach(ref, [SECRET_NAME]);
    expect(names()).toEqual(['one', SECRET_NAME]);
    expect(patched).toEqual([]);
  });

  it('that comes again and again is given up, for seconds at most', async () => {
    put(['one']);
    let count = 0;
    interfere(Infinity, () => put([`other-${count++}`]));
    await expect(writer.attach(ref, [SECRET_NAME])).rejects.toMatchObject({ status: 422, retryWithinMs: 2_000 });
    expect(patches()).toHaveLength(6);
  });

  it('is not taken for the cause where the API server refuses the patch for another', async () => {
    put(['one']);
    api.intercept = ({ verb }) => {
      if (verb === 'jsonPatch') throw refusal(422, 'Invalid');
    };
    await expect(writer.attach(ref, [SECRET_NAME])).rejects.toMatchObject({ status: 422, retryWithinMs: undefined });
    expect(patches()).toHaveLength(1);
  });

  it('that removes the ServiceAccount leaves nothing to do', async () => {
    put(['one']);
    api.intercept = ({ verb }) => {
      if (verb !== 'jsonPatch') return;
      api.remove(serviceAccounts, ref);
      throw refusal(409, 'Conflict');
    };
    await writer.attach(ref, [SECRET_NAME]);
    expect(patches()).toHaveLength(1);
  });

  it('to what we own leaves that for the event of the change', async () => {
    api.admit = trackOwnership;
    put(['one'], ['helm']);
    let count = 0;
    api.intercept = ({ verb }) => {
      if (verb === 'jsonPatch' && ++count === 2) {
        const account = stored()!;
        const metadata = { ...account.metadata, labels: { x: 'y' } };
        api.put(serviceAccounts, { ...account, metadata });
      }
    };
    await writer.attach(ref, [SECRET_NAME]);
    expect(patched).toEqual(['Attached']);
    await clock.pass(0);
    expect(observed.serviceAccounts.get(refOf('a/app'))?.listOwner).toBe('us');
    await writer.releaseOwnership(ref);
    expect(managers()).toEqual(['helm']);
  });
});

describe('ownership', () => {
  beforeEach(() => {
    api.admit = trackOwnership;
  });

  it('of somebody who wrote something else just before our patch is kept', async () => {
    put(['one'], ['helm']);
    interfere(1, () => {
      const account = stored()!;
      const managedFields = [...(account.metadata.managedFields ?? []), { manager: 'kubectl', fieldsV1: {} }];
      api.put(serviceAccounts, { ...account, metadata: { ...account.metadata, managedFields } });
    });
    await writer.attach(ref, [SECRET_NAME]);
    expect(names()).toEqual(['one', SECRET_NAME]);
    expect(managers()?.sort()).toEqual(['helm', 'kubectl']);
  });

  it('of who wrote the list before us is theirs again', async () => {
    put(['one'], ['helm', 'argo']);
    await writer.attach(ref, [SECRET_NAME]);
    expect(managers()).toEqual(['helm', 'argo']);
    await writer.detach(ref, [SECRET_NAME]);
    expect(managers()).toEqual(['helm', 'argo']);
  });

  it('of who wrote the list before us is theirs again, though the service died after its first patch', async () => {
    put(['one'], ['helm']);
    let patchCount = 0;
    api.intercept = ({ verb }) => {
      if (verb === 'jsonPatch' && ++patchCount === 2) throw refusal(500, 'InternalError');
    };
    await expect(writer.attach(ref, [SECRET_NAME])).rejects.toMatchObject({ status: 500 });
    await clock.pass(0);
    expect(observed.serviceAccounts.get(refOf('a/app'))?.listOwner).toBe('us');
    await writer.releaseOwnership(ref);
    expect(stored()?.metadata.managedFields).toEqual([listOwnedBy('helm')]);
  });
});

it('what is wanted of one ServiceAccount at the same time is done one after the other', async () => {
  api.admit = trackOwnership;
  put(['one', SECRET_NAME]);
  put(['one', SECRET_NAME], [US]);
  let inFlight = 0;
  let most = 0;
  api.intercept = async () => {
    most = Math.max(most, ++inFlight);
    await clock.sleep(10);
    inFlight--;
  };
  const wishes = [
    writer.detach(ref, [SECRET_NAME]),
    writer.attach(ref, [SECRET_NAME]),
    writer.releaseOwnership(ref),
    writer.detach(ref, [SECRET_NAME]),
    writer.detach(ref, [SECRET_NAME]),
  ];
  await clock.pass(1_000);
  await Promise.all(wishes);
  expect(most).toBe(1);
  expect(names()).toEqual(['one']);
  expect(managers()).toEqual([]);
});

it('a failure of one wish is none of the next', async () => {
  put(['one', SECRET_NAME]);
  let calls = 0;
  api.intercept = () => {
    if (++calls === 1) throw refusal(500, 'InternalError');
  };
  const outcomes = await Promise.allSettled([writer.detach(ref, [SECRET_NAME]), writer.detach(ref, [SECRET_NAME])]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  expect(names()).toEqual(['one']);
});

describe('attaching through admission', () => {
  beforeEach(() => {
    isReached = true;
    put(['theirs'], ['helm']);
  });

  const inject = (object: KubeObject): ServiceAccount => {
    const { imagePullSecrets = [], ...rest } = object as ServiceAccount;
    return { ...rest, imagePullSecrets: [...imagePullSecrets, { name: SECRET_NAME }] };
  };

  it('sends an empty patch and lets the webhook append', async () => {
    api.admit = inject;
    await writer.attach(ref, [SECRET_NAME]);
    expect(patches()).toEqual([[]]);
    expect(names()).toEqual(['theirs', SECRET_NAME]);
    expect(managers()).toEqual(['helm']);
    expect(patched).toEqual(['Attached']);
    expect(observed.serviceAccounts.get(refOf('a/app'))?.references).toEqual([SECRET_NAME]);
  });

  it('attaches by a patch of its own where the webhook did not', async () => {
    await writer.attach(ref, [SECRET_NAME]);
    expect(patches()[0]).toEqual([]);
    expect(names()).toEqual(['theirs', SECRET_NAME]);
    expect(patched).toEqual(['Attached']);
  });

  it('is done where the ServiceAccount is gone', async () => {
    api.remove(serviceAccounts, ref);
    await writer.attach(ref, [SECRET_NAME]);
    expect(api.count({ verb: 'get' })).toBe(0);
    expect(patched).toEqual([]);
  });
});

describe('detaching', () => {
  beforeEach(() => {
    api.admit = trackOwnership;
    isReached = true;
  });

  it('takes our entry, keeps the others in order, and owns the list no longer', async () => {
    put(['one', SECRET_NAME, 'two'], ['helm']);
    await writer.detach(ref, [SECRET_NAME]);
    expect(names()).toEqual(['one', 'two']);
    expect(managers()).toEqual(['helm']);
    expect(patched).toEqual(['Detached', 'OwnershipReleased']);
  });

  it('takes the list that held nothing else', async () => {
    put([SECRET_NAME]);
    await writer.detach(ref, [SECRET_NAME]);
    expect(stored()).not.toHaveProperty('imagePullSecrets');
  });

  it('does nothing where it is not', async () => {
    put(['one']);
    await writer.detach(ref, [SECRET_NAME]);
    expect(patches()).toEqual([]);
  });
});

describe('giving back ownership', () => {
  it('removes our entry of managedFields', async () => {
    put([SECRET_NAME], ['helm', US]);
    await writer.releaseOwnership(ref);
    expect(managers()).toEqual(['helm']);
    expect(patched).toEqual(['OwnershipReleased']);
  });

  it('sends a list of one empty entry where there are no others', async () => {
    put([SECRET_NAME], [US]);
    await writer.releaseOwnership(ref);
    expect(patches()[0]?.at(-1)).toMatchObject({ path: '/metadata/managedFields', value: [{}] });
  });

  it('does nothing where there is nothing to give back', async () => {
    put([SECRET_NAME], ['helm']);
    await writer.releaseOwnership(ref);
    await writer.releaseOwnership(refAt('a/gone'));
    expect(patches()).toEqual([]);
  });
});

it.each([
  ['reading', 'get'],
  ['patching', 'jsonPatch'],
])('a failure while %s is for the caller to try again', async (_, failing) => {
  put();
  const error = refusal(500, 'InternalError');
  api.intercept = ({ verb }) => {
    if (verb === failing) throw error;
  };
  await expect(writer.attach(ref, [SECRET_NAME])).rejects.toBe(error);
});
