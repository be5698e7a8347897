import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CredentialsError } from '../../src/errors.ts';
import { ManagedRole } from '../../src/identity/managed-role.ts';
import { readManagedToken } from '../../src/identity/managed-token.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { callCloud } from '../sandbox/cloud/call-cloud.ts';
import { CloudEmulator } from '../sandbox/cloud/cloud-emulator.ts';
import { encryptManagedToken, refusedManagedToken } from '../sandbox/cloud/managed-token.ts';

const signal = new AbortController().signal;
const hourMs = 3_600_000;

let clock: ManualClock;
let cloud: CloudEmulator;
let folder: string;
let file: string;
let notRenewed: unknown[];

beforeEach(async () => {
  clock = new ManualClock();
  cloud = await CloudEmulator.start({ clock });
  folder = await mkdtemp(join(tmpdir(), 'managed-role-'));
  file = join(folder, 'token-config');
  notRenewed = [];
});
afterEach(async () => {
  await cloud.stop();
  await rm(folder, { recursive: true });
});

function roleOf(): ManagedRole {
  return new ManagedRole({ file, clock, onNotRenewed: (_source, error) => notRenewed.push(error) });
}

/** As kubelet does when a Secret changes: all at once. */
async function replace(text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

async function errorOf(role: ManagedRole): Promise<CredentialsError> {
  const error: unknown = await role.credentials(0, signal).catch((reason: unknown) => reason);
  if (!(error instanceof CredentialsError)) throw new Error('no CredentialsError', { cause: error });
  expect(error.message).not.toContain('\n');
  for (const secret of cloud.secrets()) expect(error.message).not.toContain(secret);
  return error;
}

describe('the session in the file', () => {
  test('is decrypted, and the cloud accepts what it signs', async () => {
    await replace(cloud.managedToken());
    const credentials = await roleOf().credentials(0, signal);
    expect(credentials.expiresAt).toBe(clock.now() + hourMs);
    const answer = await callCloud(cloud, { credentials, action: 'ListInstance' });
    expect(answer).toMatchObject({ IsSuccess: true });
    expect(cloud.calls).toMatchObject([
      { accessKeyId: credentials.accessKeyId, securityToken: credentials.securityToken, status: 200 },
    ]);
  });

  test.each([16, 24, 32])('is decrypted with a key of %d bytes', (bytes) => {
    const session = { accessKeyId: 'STS.id', accessKeySecret: 's', securityToken: 't', accountId: '1' };
    const text = encryptManagedToken({ ...session, expiresAt: clock.now() }, 'k'.repeat(bytes));
    expect(readManagedToken(text)).toMatchObject({ accessKeyId: 'STS.id', accessKeySecret: 's', securityToken: 't' });
  });

  test('is read anew when the file is replaced, though the one before would live on', async () => {
    const role = roleOf();
    await replace(cloud.managedToken());
    const first = await role.credentials(0, signal);
    await replace(cloud.managedToken());
    const second = await role.credentials(0, signal);
    expect(second.accessKeyId).not.toBe(first.accessKeyId);
    expect(role.account).toBe(roleOf().account);
  });

  test('is there when the file is', async () => {
    const role = roleOf();
    expect(role.isThere).toBe(false);
    await replace(cloud.managedToken());
    expect(role.isThere).toBe(true);
  });
});

describe('a file that gives no session', () => {
  const damaged = (change: object) => async () => {
    await replace(JSON.stringify({ ...(JSON.parse(cloud.managedToken()) as object), ...change }));
  };

  test.each([
    ['is missing', () => Promise.resolve(), 'ManagedTokenMissing', 'cannot be read (ENOENT); mount the Secret'],
    ['is empty', () => replace(''), 'ManagedTokenUnreadable', 'holds no JSON object'],
    ['holds a list', () => replace('[]'), 'ManagedTokenUnreadable', 'holds no JSON object'],
    ['has another key', damaged({ keyring: 'k'.repeat(32) }), 'ManagedTokenUnreadable', 'do not fit'],
    ['has a key of no cipher', damaged({ keyring: 'short' }), 'ManagedTokenUnreadable', 'do not fit'],
    ['has no key', damaged({ keyring: undefined }), 'ManagedTokenUnreadable', 'do not fit'],
    ['lacks a value', damaged({ 'security.token': '' }), 'ManagedTokenUnreadable', 'do not fit'],
    ['has half a value', damaged({ 'access.key.id': 'AAAA' }), 'ManagedTokenUnreadable', 'do not fit'],
    ['tells no end', damaged({ expiration: 'soon' }), 'ManagedTokenUnreadable', 'do not fit'],
    ['is old', () => replace(cloud.managedToken({ lifeMs: 0 })), 'SessionExpired', 'has not been replaced'],
  ])('because it %s says so: %#', async (_, prepare, code, says) => {
    await prepare();
    const error = await errorOf(roleOf());
    expect(error).toMatchObject({ code, retryable: true });
    expect(error.message).toContain(says);
  });

  test('because the cluster got none says what the cluster was told, and what to do', async () => {
    const key = 'A'.repeat(64);
    const message = `The role not exists.\nkey ${key}`;
    await replace(refusedManagedToken({ roleName: 'AliyunCSManagedAcrRole', code: 'EntityNotExist.Role', message }));
    const error = await errorOf(roleOf());
    expect(error.code).toBe('ManagedTokenRefused');
    expect(error.message).toBe(
      `no credentials in ${file}: the cluster could not assume the role AliyunCSManagedAcrRole ` +
        '(EntityNotExist.Role: The role not exists. key [redacted]); authorise it in the Container Service console',
    );
    await replace(refusedManagedToken({}));
    expect((await errorOf(roleOf())).message).toContain('the role of the add-on (no reason given)');
  });

  test('does no harm while the session read before is alive', async () => {
    const role = roleOf();
    await replace(cloud.managedToken());
    const before = await role.credentials(0, signal);
    await replace(refusedManagedToken({ code: 'Throttling' }));
    clock.advance(hourMs - 1);
    expect(await role.credentials(0, signal)).toEqual(before);
    expect(notRenewed).toMatchObject([{ code: 'ManagedTokenRefused' }]);
    clock.advance(1);
    expect((await errorOf(role)).code).toBe('ManagedTokenRefused');
  });

  test('leaves nothing to serve once the cloud has refused the session read before', async () => {
    const role = roleOf();
    await replace(cloud.managedToken());
    role.forget(await role.credentials(0, signal));
    await rm(file);
    expect((await errorOf(role)).code).toBe('ManagedTokenMissing');
  });
});
