import { describe, expect, test } from 'vitest';
import {
  chooseIdentity,
  type StatedIdentity,
  type IdentityKind,
  type Circumstances,
  tokenModes,
} from '../../src/identity/token-mode.ts';
import { OptionsError } from '../../src/commands/flag-reader.ts';
import { parseServeOptions } from '../../src/commands/serve-options.ts';

const rrsaRoleArn = 'acs:ram::1:role/rrsa';
const accessKey = { id: 'id', secret: 'secret' };
const nothing: Circumstances = { tokenMode: 'auto', rrsaEnabled: false, hasAccessKey: false, hasManagedToken: false };

describe('the identity of an entry', () => {
  const cases: [string, StatedIdentity, Partial<Circumstances>, IdentityKind][] = [
    ['its own pair', { accessKey, accessKeySecretRef: 'x', rrsaRoleArn }, { rrsaEnabled: true }, 'entryAccessKey'],
    ['its own pair, whatever the flag', { accessKey }, { tokenMode: 'rrsa' }, 'entryAccessKey'],
    ['its own Secret', { accessKeySecretRef: 'x', rrsaRoleArn }, { rrsaEnabled: true }, 'referencedAccessKey'],
    ['its own role', { rrsaRoleArn }, { rrsaEnabled: true, hasAccessKey: true }, 'rrsa'],
    ['its own role, whatever the flag', { rrsaRoleArn }, { rrsaEnabled: true, tokenMode: 'workerRole' }, 'rrsa'],
    ['not its own role while rrsa is off', { rrsaRoleArn }, { hasAccessKey: true }, 'accessKey'],
    ['auto: the AccessKey', {}, { hasAccessKey: true, hasManagedToken: true }, 'accessKey'],
    ["auto: the cluster's role", {}, { hasManagedToken: true }, 'managedRole'],
    [
      "auto: the cluster's role, where rrsa is for others",
      {},
      { hasManagedToken: true, rrsaEnabled: true },
      'managedRole',
    ],
    ["auto: the node's role", {}, {}, 'workerRole'],
    ['the AccessKey, though there is none', {}, { tokenMode: 'accessKey', hasManagedToken: true }, 'accessKey'],
    [
      "the cluster's role, though there is an AccessKey",
      {},
      { tokenMode: 'managedRole', hasAccessKey: true },
      'managedRole',
    ],
    [
      "the node's role, though there is an AccessKey",
      {},
      { tokenMode: 'workerRole', hasAccessKey: true },
      'workerRole',
    ],
    ['rrsa by the flag alone', { rrsaRoleArn }, { tokenMode: 'rrsa' }, 'rrsa'],
    ['rrsa by the flag, even of an entry without a role', {}, { tokenMode: 'rrsa', hasAccessKey: true }, 'rrsa'],
  ];

  test.each(cases)('is %s', (_, entry, circumstances, expected) => {
    expect(chooseIdentity(entry, { ...nothing, ...circumstances })).toBe(expected);
  });
});

describe('the flags', () => {
  test.each(tokenModes)('--token-mode %s is understood', (mode) => {
    expect(parseServeOptions(['--token-mode', mode], {}).tokenMode).toBe(mode);
    expect(parseServeOptions([], { ACR_INJECTOR_TOKEN_MODE: mode }).tokenMode).toBe(mode);
  });

  test('--access-key-secret means the AccessKey in that Secret, unless --token-mode says otherwise', () => {
    const parse = (...args: string[]) => parseServeOptions(['--access-key-secret', 'mine', ...args], {});
    expect(parse()).toMatchObject({ accessKeySecret: 'mine', tokenMode: 'accessKey' });
    expect(parse('--token-mode=managedRole')).toMatchObject({ accessKeySecret: 'mine', tokenMode: 'managedRole' });
    expect(() => parse('--access-key-secret', 'Not/One')).toThrow('--access-key-secret');
  });

  test('--token-mode is auto by default, and anything else is told with what there is', () => {
    expect(parseServeOptions([], {}).tokenMode).toBe('auto');
    expect(() => parseServeOptions(['--token-mode', 'magic'], {})).toThrow(OptionsError);
    expect(() => parseServeOptions(['--token-mode', 'magic'], {})).toThrow('managedRole, rrsa');
  });

  test('--sts-endpoint is a URL', () => {
    expect(parseServeOptions(['--sts-endpoint', 'http://127.0.0.1:1'], {}).stsEndpoint?.port).toBe('1');
    expect(parseServeOptions([], {}).stsEndpoint).toBeUndefined();
    expect(() => parseServeOptions(['--sts-endpoint', 'nowhere'], {})).toThrow('--sts-endpoint');
  });
});
