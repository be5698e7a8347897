import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CredentialsError } from '../../src/errors.ts';
import { MetadataService } from '../../src/identity/metadata-service.ts';
import { WorkerRole } from '../../src/identity/worker-role.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { callCloud } from '../sandbox/cloud/call-cloud.ts';
import { CloudEmulator } from '../sandbox/cloud/cloud-emulator.ts';
import { cloudFaults } from '../sandbox/cloud/faults.ts';

const signal = new AbortController().signal;
const hourMs = 3_600_000;
const rolesPath = '/latest/meta-data/ram/security-credentials/';
const tokenPath = '/latest/api/token';

let clock: ManualClock;
let cloud: CloudEmulator;
let notRenewed: unknown[];

beforeEach(async () => {
  clock = new ManualClock();
  cloud = await CloudEmulator.start({ clock });
  notRenewed = [];
});
afterEach(() => cloud.stop());

function roleOf(insteadOf?: () => string): WorkerRole {
  return new WorkerRole({
    metadata: new MetadataService({ endpoint: new URL(cloud.url), timeoutMs: 500 }),
    clock,
    onNotRenewed: (_source, error) => notRenewed.push(error),
    ...(insteadOf && { insteadOf }),
  });
}

async function errorOf(role: WorkerRole, code = 'WorkerRoleUnavailable'): Promise<CredentialsError> {
  const error: unknown = await role.credentials(0, signal).catch((reason: unknown) => reason);
  if (!(error instanceof CredentialsError)) throw new Error('no CredentialsError', { cause: error });
  expect(error.code).toBe(code);
  expect(error.message).not.toContain('\n');
  for (const secret of cloud.secrets()) expect(error.message).not.toContain(secret);
  return error;
}

const asked = () => cloud.calls.map(({ action, status }) => `${action} ${status}`);

describe("the node's session", () => {
  test('is read with a token of version 2, and the cloud accepts what it signs', async () => {
    cloud.setNode({ roleName: 'KubernetesWorkerRole-1', tokens: 'required' });
    const credentials = await roleOf().credentials(0, signal);
    expect(credentials.expiresAt).toBe(clock.now() + 6 * hourMs);
    expect(asked()).toEqual([
      `${tokenPath} 200`,
      `${rolesPath} 200`,
      `${tokenPath} 200`,
      `${rolesPath}KubernetesWorkerRole-1 200`,
    ]);
    const answer = await callCloud(cloud, { credentials, action: 'ListInstance' });
    expect(answer).toMatchObject({ IsSuccess: true });
    expect(cloud.calls.at(-1)).toMatchObject({ securityToken: credentials.securityToken });
  });

  test('is read from version 1 where there is no other', async () => {
    cloud.setNode({ roleName: 'worker', tokens: 'absent' });
    const credentials = await roleOf().credentials(0, signal);
    expect(await callCloud(cloud, { credentials, action: 'ListInstance' })).toMatchObject({ IsSuccess: true });
  });

  test('is the one that the node has now, though the one before would live on', async () => {
    cloud.setNode({ roleName: 'worker' });
    const role = roleOf();
    const first = await role.credentials(0, signal);
    clock.advance(5 * hourMs);
    expect(await role.credentials(0, signal)).toEqual(first);
    clock.advance(0.75 * hourMs);
    expect(await role.credentials(0, signal)).not.toEqual(first);
  });
});

describe('a node without a session', () => {
  test('has no role: it says so', async () => {
    const error = await errorOf(roleOf());
    expect(error.retryable).toBe(false);
    expect(error.message).toBe(
      "no credentials of the node's RAM role: the node has none; attach one to the ECS instance",
    );
  });

  test('is no ECS instance: it says so, and what else was looked for', async () => {
    const role = roleOf(() => 'there is no Secret');
    await cloud.stop();
    const error = await errorOf(role, 'CredentialsMissing');
    expect(error.retryable).toBe(true);
    expect(error.message).toMatch(
      /^no Alibaba Cloud credentials: there is no Secret; and .* does not answer at http:.*: ECONNREFUSED$/,
    );
  });

  test.each([
    ['refuses', { kind: 'answer', status: 200, body: { Code: 'Failed' } } as const],
    ['tells half', { kind: 'answer', status: 200, body: { Code: 'Success', AccessKeyId: 'STS.1' } } as const],
    ['tells nonsense', { kind: 'answer', status: 200, body: '<html>Welcome</html>' } as const],
  ])('%s: it says so', async (_, fault) => {
    cloud.setNode({ roleName: 'worker' });
    cloud.faults.add(fault, { action: `${rolesPath}worker` });
    expect((await errorOf(roleOf())).message).toContain('gives no session for it');
  });

  test('that had one a moment ago does no harm until that is over', async () => {
    cloud.setNode({ roleName: 'worker', sessionLifeMs: hourMs });
    const role = roleOf();
    const before = await role.credentials(0, signal);
    cloud.faults.add(cloudFaults.reset);
    clock.advance(hourMs - 1);
    expect(await role.credentials(0, signal)).toEqual(before);
    expect(notRenewed).toMatchObject([{ code: 'WorkerRoleUnavailable' }]);
    clock.advance(1);
    await errorOf(role);
  });
});

test('a caller who gives up gets his own reason', async () => {
  cloud.setNode({ roleName: 'worker' });
  cloud.faults.add(cloudFaults.hang);
  const giveUp = new AbortController();
  const asking = roleOf().credentials(0, giveUp.signal);
  await expect.poll(() => cloud.calls.length).toBe(1);
  giveUp.abort(new Error('shutting down'));
  await expect(asking).rejects.toThrow('shutting down');
});
