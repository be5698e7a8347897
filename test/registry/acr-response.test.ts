import { describe, expect, test } from 'vitest';
import { readEnterpriseToken, readInstanceDomains, readPersonalToken } from '../../src/registry/acr-response.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const expiresAt = now + 3_600_000;
const enterprise = {
  IsSuccess: true,
  Code: 'success',
  TempUsername: 'cr_temp_user',
  AuthorizationToken: 'the-token',
  ExpireTime: expiresAt,
};
const personal = { data: { tempUserName: 'cr_temp_user', authorizationToken: 'the-token', expireDate: expiresAt } };
const token = { username: 'cr_temp_user', password: 'the-token', expiresAt };

describe('a token', () => {
  test('of either edition is read, however a success is spelled', () => {
    expect(readEnterpriseToken(enterprise, now)).toEqual({ ok: true, value: token });
    expect(readEnterpriseToken({ ...enterprise, Code: 'Success' }, now)).toEqual({ ok: true, value: token });
    expect(readPersonalToken(personal, now)).toEqual({ ok: true, value: token });
  });

  test.each([
    ['an empty token', { AuthorizationToken: '' }],
    ['no token', { AuthorizationToken: undefined }],
    ['an empty username', { TempUsername: '' }],
    ['no expiry', { ExpireTime: undefined }],
    ['an expiry that is no number', { ExpireTime: String(expiresAt) }],
    ['an expiry in the past', { ExpireTime: now }],
    ['an expiry beyond all dates', { ExpireTime: 9_000_000_000_000_000 }],
    ['an expiry in seconds', { ExpireTime: expiresAt / 1000 }],
    ['no word of success', { IsSuccess: undefined, Code: undefined }],
  ])('with %s is unusable', (_, changed) => {
    expect(readEnterpriseToken({ ...enterprise, ...changed }, now)).toMatchObject({
      ok: false,
      failure: { code: 'InvalidResponse' },
    });
  });

  test.each([undefined, null, 'text', 5, [], {}, { data: null }, { data: [] }, { data: {} }])(
    'of the Personal Edition is not read out of %j',
    (body) => {
      expect(readPersonalToken(body, now)).toMatchObject({ ok: false, failure: { code: 'InvalidResponse' } });
    },
  );

  test('that is refused under HTTP 200 is a failure with the code of the cloud', () => {
    const body = { IsSuccess: false, Code: 'INSTANCE_NOT_EXIST', RequestId: 'A-1' };
    expect(readEnterpriseToken(body, now)).toEqual({
      ok: false,
      failure: { code: 'INSTANCE_NOT_EXIST', status: 200, requestId: 'A-1' },
    });
  });

  test('of a failure, a code or request ID that is no plain word is not passed on', () => {
    const body = { IsSuccess: false, Code: 'X', RequestId: 'a b <script>' };
    expect(readEnterpriseToken(body, now)).toEqual({ ok: false, failure: { code: 'X', status: 200 } });
    expect(readEnterpriseToken({ IsSuccess: false, Code: 'a b' }, now)).toMatchObject({
      failure: { code: 'InvalidResponse' },
    });
  });
});

describe('domains', () => {
  const endpoint = (Enable: unknown, ...domains: unknown[]) => ({
    Enable,
    Domains: domains.map((Domain) => ({ Domain, Type: 'SYSTEM' })),
  });
  const read = (...Endpoints: unknown[]) => readInstanceDomains({ IsSuccess: true, Endpoints });

  test('are those of every endpoint that is switched on, sorted, each once, in small letters', () => {
    expect(
      read(endpoint(true, 'b.example.com', 'A.example.com'), endpoint(true, 'b.example.com'), endpoint(false, 'c')),
    ).toEqual({ ok: true, value: ['a.example.com', 'b.example.com'] });
  });

  test('of an endpoint that does not say whether it is on are left out', () => {
    expect(read(endpoint(undefined, 'b'), endpoint('true', 'c'), endpoint(true, 'a'))).toEqual({
      ok: true,
      value: ['a'],
    });
  });

  test('entries that are none are skipped', () => {
    expect(read(null, 'x', { Enable: true }, endpoint(true, '', ' ', null, 5, 'a'))).toEqual({
      ok: true,
      value: ['a'],
    });
  });

  test('that do not exist are a failure of their own', () => {
    expect(read(endpoint(false, 'a'))).toEqual({ ok: false, failure: { code: 'NoDomains' } });
    expect(readInstanceDomains({ IsSuccess: true })).toMatchObject({ failure: { code: 'InvalidResponse' } });
  });
});
