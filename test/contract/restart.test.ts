import { describe, expect, it } from 'vitest';
import type { Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ChangeRecorder } from './change-recorder.ts';
import { eventually } from './eventually.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { PROMISED_MS, useTestBed } from './test-bed.ts';
import { namesIn, serviceAccount } from './workloads.ts';

describe('a service that is killed and started again', () => {
  const bed = useTestBed();
  const tokensRef = () => ({ namespace: bed.ownNamespace, name: 'acr-credential-injector-tokens' });

  it('calls nobody in the cloud while the tokens Secret is fresh, and writes no pull Secret again', async () => {
    const before = await bed.servedNamespace();
    const calls = bed.cloud.calls.length;
    await using recorder = await ChangeRecorder.start<Secret>(bed.client, resources.secrets, { namespace: before });
    await bed.service.kill();
    const meanwhile = await bed.namespace();
    await bed.service.start();
    await bed.service.ready();
    await bed.servedWithin(meanwhile);
    expect(bed.cloud.calls.length).toBe(calls);
    await recorder.caughtUpWith(
      await bed.user.create(resources.secrets, { metadata: { namespace: before, name: 'marker' } }),
    );
    expect(recorder.of(`${before}/${PULL_SECRET}`)).toHaveLength(0);
  });

  it('serves what came and went while it was away', async () => {
    const [stays, tampered, deleted] = [
      await bed.servedNamespace(),
      await bed.servedNamespace(),
      await bed.servedNamespace(),
    ];
    await bed.service.kill();
    const data = { '.dockerconfigjson': btoa('{"auths":{}}') };
    await bed.user.merge(resources.secrets, { namespace: tampered, name: PULL_SECRET }, { data });
    await bed.user.delete(resources.secrets, { namespace: deleted, name: PULL_SECRET });
    // The registration is still there, and nobody answers: the policy is Ignore.
    const created = await bed.user.create(
      resources.serviceAccounts,
      serviceAccount({ namespace: stays, name: 'missed' }),
    );
    expect(namesIn(created.imagePullSecrets)).toEqual([]);
    await bed.service.start();
    await bed.service.ready();
    await bed.servedWithin(tampered);
    await bed.servedWithin(deleted);
    await eventually(async () => (await bed.pullSecretsOf(stays, 'missed')).includes(PULL_SECRET), {
      withinMs: PROMISED_MS,
    });
  });

  it('needs no cloud at all while its tokens live', async () => {
    await bed.service.kill();
    const unreachable = bed.cloud.faults.add({ kind: 'reset' });
    await bed.service.start();
    await bed.service.ready();
    await bed.servedNamespace();
    unreachable();
  });

  it('asks anew when the tokens Secret went while it was away', async () => {
    const calls = bed.tokenCalls;
    await bed.service.kill();
    await bed.user.delete(resources.secrets, tokensRef());
    await bed.service.start();
    await bed.service.ready();
    await bed.servedNamespace();
    expect(bed.tokenCalls).toBe(calls + 1);
  });

  it('writes a tokens Secret that goes while it runs again from memory, without a call', async () => {
    const calls = bed.cloud.calls.length;
    const before = await bed.client.get<Secret>(resources.secrets, tokensRef());
    await bed.user.delete(resources.secrets, tokensRef());
    const after = await eventually(() => bed.find<Secret>(resources.secrets, tokensRef()), { withinMs: PROMISED_MS });
    expect(after.metadata.uid).not.toBe(before.metadata.uid);
    await bed.service.restart();
    await bed.service.ready();
    await bed.servedNamespace();
    expect(bed.cloud.calls.length).toBe(calls);
  });

  it('writes a tokens Secret whose content somebody destroys again from memory, without a call', async () => {
    const calls = bed.cloud.calls.length;
    const [key = ''] = Object.keys((await bed.client.get<Secret>(resources.secrets, tokensRef())).data ?? {});
    await bed.user.merge(resources.secrets, tokensRef(), { data: { [key]: btoa('{}') } });
    await eventually(
      async () => (await bed.client.get<Secret>(resources.secrets, tokensRef())).data?.[key] !== btoa('{}'),
      {
        withinMs: PROMISED_MS,
      },
    );
    await bed.servedNamespace();
    expect(bed.cloud.calls.length).toBe(calls);
  });
});
