import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CodedError } from '../../src/errors.ts';
import { MetadataService } from '../../src/identity/metadata-service.ts';
import { ClusterRegion } from '../../src/identity/region.ts';
import { CloudEmulator } from '../sandbox/cloud/cloud-emulator.ts';
import { cloudFaults } from '../sandbox/cloud/faults.ts';

const signal = new AbortController().signal;
const regionPath = '/latest/meta-data/region-id';
const tokenPath = '/latest/api/token';

let cloud: CloudEmulator;
beforeEach(async () => {
  cloud = await CloudEmulator.start();
});
afterEach(() => cloud.stop());

function regionOf(configured?: string, timeoutMs = 5000): ClusterRegion {
  return new ClusterRegion({
    configured,
    metadata: new MetadataService({ endpoint: new URL(cloud.url), timeoutMs }),
  });
}

async function errorOf(region: ClusterRegion): Promise<CodedError> {
  const error: unknown = await region.region(signal).catch((reason: unknown) => reason);
  if (!(error instanceof CodedError)) throw new Error('no CodedError', { cause: error });
  expect(error.code).toBe('RegionUnknown');
  expect(error.message).toContain('set --region');
  for (const secret of cloud.secrets()) expect(error.message).not.toContain(secret);
  return error;
}

const asked = () => cloud.calls.map(({ action, status }) => `${action} ${status}`);

describe('a region that is found', () => {
  test('is the configured one, and nobody is asked', async () => {
    expect(await regionOf('eu-central-1').region(signal)).toBe('eu-central-1');
    expect(asked()).toEqual([]);
  });

  test.each([undefined, ''])(
    'is that of the node where %j is configured, and it is asked for once',
    async (configured) => {
      const region = regionOf(configured);
      expect(region.known).toBeUndefined();
      expect(await region.region(signal)).toBe('cn-hangzhou');
      expect(region.known).toBe('cn-hangzhou');
      expect(await region.region(signal)).toBe('cn-hangzhou');
      expect(asked()).toEqual([`${tokenPath} 200`, `${regionPath} 200`]);
    },
  );

  test.each(['required', 'absent'] as const)('is told where metadata tokens are %s', async (tokens) => {
    cloud.setNode({ tokens, regionId: 'us-west-1' });
    expect(await regionOf().region(signal)).toBe('us-west-1');
  });

  test.each([
    ['vanish', cloudFaults.hang],
    ['break', cloudFaults.reset],
  ])('is told by version 1 where the answers of version 2 %s', async (_, fault) => {
    cloud.faults.add(fault, { action: tokenPath });
    expect(await regionOf(undefined, 500).region(signal)).toBe('cn-hangzhou');
  });
});

describe('a region that is not found', () => {
  test('is asked for again, until somebody answers', async () => {
    const region = regionOf(undefined, 500);
    cloud.faults.add(cloudFaults.hang);
    const error = await errorOf(region);
    expect(error.retryable).toBe(true);
    expect(error.message).toContain('nothing within 500 ms');
    cloud.faults.clear();
    expect(await region.region(signal)).toBe('cn-hangzhou');
  });

  test('says that nobody answers', async () => {
    const { url } = cloud;
    const region = regionOf();
    await cloud.stop();
    const error = await errorOf(region);
    expect(error.message).toContain(`does not answer at ${url}: ECONNREFUSED`);
  });

  test('says what was refused', async () => {
    cloud.faults.add({ kind: 'answer', status: 404, body: 'no such thing' });
    const error = await errorOf(regionOf());
    expect(error).toMatchObject({ retryable: false });
    expect(error.message).toContain('region-id: HTTP 404');
  });

  test('says that the answer is none', async () => {
    cloud.faults.add({ kind: 'answer', status: 200, body: '<html>Welcome to the hotel</html>' });
    expect((await errorOf(regionOf())).message).toContain('"<html>Welcome');
  });

  test('says that the flag is none', async () => {
    expect((await errorOf(regionOf('Hangzhou'))).message).toContain('--region says "Hangzhou"');
  });

  test('is given up when the caller gives up, with his own reason', async () => {
    cloud.faults.add(cloudFaults.hang);
    const giveUp = new AbortController();
    const found = regionOf().region(giveUp.signal);
    await expect.poll(() => cloud.calls.length).toBe(1);
    giveUp.abort(new Error('shutting down'));
    await expect(found).rejects.toThrow('shutting down');
    expect(cloud.calls).toHaveLength(1);
  });
});

describe('where any region will do', () => {
  test("the cluster's comes first", async () => {
    expect(await regionOf().regionOr(() => 'us-west-1', signal)).toBe('cn-hangzhou');
  });

  test('a substitute stands in, and is not taken for the region of the cluster', async () => {
    cloud.faults.add(cloudFaults.reset);
    const region = regionOf();
    expect(await region.regionOr(() => 'us-west-1', signal)).toBe('us-west-1');
    expect(region.known).toBeUndefined();
    await expect(region.regionOr(() => undefined, signal)).rejects.toMatchObject({ code: 'RegionUnknown' });
  });
});
