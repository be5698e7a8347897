import { describe, expect, it } from 'vitest';
import { CloudApiError } from '../../src/errors.ts';
import { OpenApiAcrClient } from '../../src/registry/acr-client.ts';
import { readInstances } from '../../src/registry/acr-response.ts';
import { instanceIdOf } from '../../src/registry/instance-name.ts';
import { CloudEmulator, type CloudCall } from '../sandbox/cloud/cloud-emulator.ts';
import { cloudFaults } from '../sandbox/cloud/faults.ts';

const credentials = { accessKeyId: 'LTAI5tInstanceName', accessKeySecret: 'instance-name-secret' };
const regionId = 'cn-hangzhou';
const { signal } = new AbortController();

/** Looks up names among as many instances. */
function lookUpIn(cloud: CloudEmulator, instances: number) {
  cloud.addAccount(credentials);
  for (let index = 0; index < instances; index++) {
    cloud.addInstance({ instanceId: `cri-${index}`, regionId, name: `name-${index}` });
  }
  const acr = new OpenApiAcrClient({ endpoint: new URL(cloud.url) });
  return (name: string) => instanceIdOf({ name, regionId }, acr, credentials, signal);
}

const withoutFirst = (each: object, index: number) => (index === 0 ? {} : each);
const actions = (calls: readonly CloudCall[]) => calls.map(({ action }) => action);

describe('an instance that is known by its name', () => {
  it('is found among all of the region, page by page', async () => {
    await using cloud = await CloudEmulator.start();
    const idOf = lookUpIn(cloud, 250);
    expect(await idOf('name-249')).toBe('cri-249');
    expect(actions(cloud.calls)).toEqual(['ListInstance', 'ListInstance', 'ListInstance']);
  });

  it.each<[string, (body: Record<string, unknown>) => object]>([
    ['entry cannot be read', (body) => ({ ...body, Instances: (body.Instances as object[]).map(withoutFirst) })],
    ['page says no total', (body) => ({ ...body, TotalCount: undefined })],
    ['page is shorter than asked for', (body) => ({ ...body, Instances: (body.Instances as object[]).slice(0, 30) })],
  ])('is found on a later page where one %s', async (_, change) => {
    await using cloud = await CloudEmulator.start();
    const idOf = lookUpIn(cloud, 210);
    cloud.faults.add({ kind: 'rewrite', change: change as (body: object) => object });
    expect(await idOf('name-201')).toBe('cri-201');
    expect(cloud.calls.length).toBeLessThanOrEqual(4);
  });

  it('is not looked for without end where every page is full', async () => {
    await using cloud = await CloudEmulator.start();
    const idOf = lookUpIn(cloud, 1);
    const page = [{ InstanceId: 'cri-x', InstanceName: 'x' }];
    cloud.faults.add({ kind: 'rewrite', change: (body) => ({ ...body, TotalCount: 1e9, Instances: page }) });
    await expect(idOf('name-0')).rejects.toMatchObject({ code: 'INSTANCE_NOT_EXIST' });
    expect(cloud.calls).toHaveLength(50);
  });

  it('that is not there is an error that says what to write', async () => {
    await using cloud = await CloudEmulator.start();
    const idOf = lookUpIn(cloud, 1);
    await expect(idOf('other')).rejects.toMatchObject({
      code: 'INSTANCE_NOT_EXIST',
      retryable: false,
      message: expect.stringMatching(/name other in region cn-hangzhou.*acr-registry-info/) as string,
    });
  });

  it('cannot be found without the right to list, which says what to write instead', async () => {
    await using cloud = await CloudEmulator.start();
    const idOf = lookUpIn(cloud, 1);
    cloud.faults.add(cloudFaults.forbiddenRam, { action: 'ListInstance' });
    await expect(idOf('name-0')).rejects.toMatchObject({
      code: 'Forbidden.RAM',
      message: expect.stringMatching(/name-0.*acr-registry-info.*cr:ListInstance/) as string,
    });
  });

  it('is looked for again after what passes by itself', async () => {
    await using cloud = await CloudEmulator.start();
    const idOf = lookUpIn(cloud, 1);
    cloud.faults.add(cloudFaults.throttling(1_000), { action: 'ListInstance', times: 1 });
    const error = await idOf('name-0').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CloudApiError);
    expect(error).toMatchObject({ retryable: true, retryAfterMs: 1_000 });
    expect(await idOf('name-0')).toBe('cri-0');
  });
});

it.each([
  [{ IsSuccess: true, Instances: [{ InstanceId: 'cri-a', InstanceName: 'a' }, { InstanceId: 1 }, null] }, ['cri-a a']],
  [{ IsSuccess: true, Instances: [] }, []],
  [{ IsSuccess: true }, 'InvalidResponse'],
  [{ IsSuccess: false, Code: 'NO' }, 'NO'],
  [null, 'InvalidResponse'],
])('the answer %j is read', (body, expected) => {
  const read = readInstances(body);
  const shown = read.ok
    ? read.value.instances.map(({ instanceId, name }) => `${instanceId} ${name}`)
    : read.failure.code;
  expect(shown).toEqual(expected);
});
