import { describe, expect, test } from 'vitest';
import { CredentialsError } from '../../src/errors.ts';
import {
  type AccessKeyProvider,
  accessKeySecretRefs,
  addOnAccessKey,
  entryAccessKey,
  referencedAccessKey,
} from '../../src/identity/access-key-provider.ts';
import type { Secret } from '../../src/kube/objects.ts';

const environment = { ALIBABA_CLOUD_ACCESS_KEY_ID: 'env-id', ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'env-secret' };

function secretWith(values: Record<string, string>): Secret {
  const data = Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')] as const);
  return { metadata: { name: 'alibaba-addon-secret' }, data: Object.fromEntries(data) };
}

function providerOf(secrets: Record<string, Secret | undefined>, env: Record<string, string> = {}): AccessKeyProvider {
  const get = (name: string) => secrets[name.replace('/alibaba-addon-secret', '')];
  const names = accessKeySecretRefs('own', undefined).map(({ namespace, name }) => `${namespace}/${name}`);
  return addOnAccessKey({ secrets: names, get, environment: env });
}

async function errorOf(provider: AccessKeyProvider): Promise<CredentialsError> {
  const error: unknown = await provider.credentials().catch((reason: unknown) => reason);
  if (!(error instanceof CredentialsError)) throw new Error('no CredentialsError', { cause: error });
  expect(error.message).not.toContain('\n');
  expect(error.message).not.toMatch(/env-secret|the-secret/);
  return error;
}

const own = secretWith({ 'access-key-id': 'own-id', 'access-key-secret': 'the-secret-own' });
const system = secretWith({ 'access-key-id': 'system-id', 'access-key-secret': 'the-secret-system' });

describe('the pair', () => {
  test('of the own namespace comes before the one of kube-system, and both before the environment', async () => {
    const all = providerOf({ own, 'kube-system': system }, environment);
    expect(await all.credentials()).toEqual({ accessKeyId: 'own-id', accessKeySecret: 'the-secret-own' });
    expect(all.source).toBe('AccessKey pair of Secret own/alibaba-addon-secret');
    expect(await providerOf({ 'kube-system': system }, environment).credentials()).toMatchObject({
      accessKeyId: 'system-id',
    });
    const onlyEnvironment = providerOf({}, environment);
    expect(await onlyEnvironment.credentials()).toEqual({ accessKeyId: 'env-id', accessKeySecret: 'env-secret' });
    expect(onlyEnvironment.source).toBe('AccessKey pair of the environment');
  });

  test('follows every edit of the Secret', async () => {
    const secrets: Record<string, Secret | undefined> = { own };
    const provider = providerOf(secrets, environment);
    await provider.credentials();
    secrets.own = secretWith({ 'access-key-id': 'new-id', 'access-key-secret': 'the-secret-new' });
    expect(await provider.credentials()).toMatchObject({ accessKeyId: 'new-id' });
    secrets.own = undefined;
    expect(await provider.credentials()).toMatchObject({ accessKeyId: 'env-id' });
  });

  test('loses the line ends that editors and shells leave around it', async () => {
    const padded = secretWith({ 'access-key-id': ' own-id\n', 'access-key-secret': '\tthe-secret-own\r\n' });
    expect(await providerOf({ own: padded }).credentials()).toEqual({
      accessKeyId: 'own-id',
      accessKeySecret: 'the-secret-own',
    });
  });

  test('of the environment may be a session', async () => {
    const env = { ...environment, ALIBABA_CLOUD_SECURITY_TOKEN: ' token ' };
    expect(await providerOf({}, env).credentials()).toEqual({
      accessKeyId: 'env-id',
      accessKeySecret: 'env-secret',
      securityToken: 'token',
    });
  });
});

describe('the Secret with the pair', () => {
  test('may be in the own namespace and in kube-system, which may be the same', () => {
    const name = 'alibaba-addon-secret';
    expect(accessKeySecretRefs('own', undefined)).toEqual([
      { namespace: 'own', name },
      { namespace: 'kube-system', name },
    ]);
    expect(accessKeySecretRefs('kube-system', undefined)).toEqual([{ namespace: 'kube-system', name }]);
  });

  test('is the one that somebody named, whatever else there is', () => {
    expect(accessKeySecretRefs('own', 'mine')).toEqual([{ namespace: 'own', name: 'mine' }]);
    const named = accessKeySecretRefs('own', 'alibaba-addon-secret');
    expect(named).toEqual([{ namespace: 'own', name: 'alibaba-addon-secret' }]);
  });
});

describe('the error', () => {
  test('of having nothing names every place that was looked at', async () => {
    const provider = providerOf({}, { ALIBABA_CLOUD_ACCESS_KEY_ID: ' ' });
    const error = await errorOf(provider);
    expect(error.code).toBe('AccessKeyMissing');
    expect(error.message).toBe(
      'no AccessKey pair: there is no Secret own/alibaba-addon-secret or kube-system/alibaba-addon-secret, and the ' +
        'environment has no ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET',
    );
    expect(provider.source).toBe('AccessKey pair');
  });

  test.each([
    [{ 'access-key-id': 'own-id' }, 'lacks access-key-secret'],
    [{ 'access-key-id': ' \n', 'access-key-secret': 'the-secret' }, 'lacks access-key-id'],
    [{ accessKeyId: 'misspelt' }, 'lacks access-key-id and access-key-secret'],
  ])('of half a pair says what is missing, and nothing stands in: %j', async (values, says) => {
    const error = await errorOf(providerOf({ own: secretWith(values), 'kube-system': system }, environment));
    expect(error.code).toBe('AccessKeyIncomplete');
    expect(error.message).toContain(`Secret own/alibaba-addon-secret ${says}`);
  });

  test('of half a pair in the environment names the variable', async () => {
    const error = await errorOf(providerOf({}, { ALIBABA_CLOUD_ACCESS_KEY_ID: 'env-id' }));
    expect(error.message).toContain('the environment lacks ALIBABA_CLOUD_ACCESS_KEY_SECRET');
  });

  test.each(['the secret', 'the-secret\nX-Evil: 1', 'geheimnis-ü'])(
    'of a value that fits no header: %j',
    async (value) => {
      const bad = secretWith({ 'access-key-id': 'own-id', 'access-key-secret': value });
      const error = await errorOf(providerOf({ own: bad }));
      expect(error.code).toBe('AccessKeyMalformed');
      expect(error.message).toContain('access-key-secret must be');
      expect(error.message).not.toContain(value);
    },
  );

  test('of a Secret without data is that of a half one', async () => {
    expect((await errorOf(providerOf({ own: { metadata: {} } }))).code).toBe('AccessKeyIncomplete');
  });
});

describe('the account', () => {
  test('is another one for another ID and for another secret, and holds neither', () => {
    const other = secretWith({ 'access-key-id': 'own-id', 'access-key-secret': 'the-secret-mended' });
    const [account, mended, systems] = [own, other, system].map((secret) => providerOf({ own: secret }).account);
    expect(new Set([account, mended, systems])).toHaveProperty('size', 3);
    expect(account).not.toMatch(/own-id|the-secret/);
    expect(providerOf({ own }).account).toBe(account);
  });

  test('of a session in the environment stays from one session to the next', () => {
    const session = (token: string) =>
      providerOf({}, { ...environment, ALIBABA_CLOUD_ACCESS_KEY_ID: token, ALIBABA_CLOUD_SECURITY_TOKEN: token });
    expect(session('first').account).toBe(session('second').account);
    expect(session('first').account).not.toBe(providerOf({}, environment).account);
  });

  test('is empty where there is no pair', () => {
    const provider = providerOf({});
    expect(provider.account).toBe('');
    expect(provider.isThere).toBe(false);
    expect(providerOf({ own: secretWith({ 'access-key-id': 'half' }) }).isThere).toBe(true);
  });
});

describe("an entry's own pair", () => {
  test('in plain text is used as it is written, but for white space around it', async () => {
    const provider = entryAccessKey({ id: ' entry-id ', secret: 'the-secret-entry\n' });
    expect(await provider.credentials()).toEqual({ accessKeyId: 'entry-id', accessKeySecret: 'the-secret-entry' });
    expect(provider.source).toBe('AccessKey pair of acr-registry-info');
  });

  test('in plain text that lacks something names the field', async () => {
    const error = await errorOf(entryAccessKey({ id: 'entry-id', secret: '' }));
    expect(error.message).toBe('no AccessKey pair: acr-registry-info lacks customAccessKeySecret');
  });

  test('in a Secret follows every edit of it', async () => {
    const secrets = new Map([['tenant', own]]);
    const provider = referencedAccessKey('tenant', { namespace: 'own', get: (name) => secrets.get(name) });
    expect(await provider.credentials()).toMatchObject({ accessKeyId: 'own-id' });
    expect(provider.source).toBe('AccessKey pair of Secret own/tenant');
    secrets.set('tenant', system);
    expect(await provider.credentials()).toMatchObject({ accessKeyId: 'system-id' });
    secrets.clear();
    const error = await errorOf(provider);
    expect(error.code).toBe('AccessKeyMissing');
    expect(error.message).toMatch(
      /^no AccessKey pair: there is no Secret own\/tenant that may be read; .*referencedSecrets$/,
    );
  });
});
