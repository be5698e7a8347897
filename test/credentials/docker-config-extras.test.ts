import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dockerConfigJson, readDockerConfigJson } from '../../src/credentials/docker-config.ts';

const credential = { username: 'user', password: 'token', domains: ['a.example.com'] };

describe('a dockerconfigjson with more than credentials', () => {
  it('has the e-mail address in the entries of credentials alone', () => {
    const others = { 'b.example.com': { auth: 'x' } };
    expect(JSON.parse(dockerConfigJson([credential], { email: 'ops@example.com', others }))).toEqual({
      auths: {
        'a.example.com': { username: 'user', password: 'token', email: 'ops@example.com', auth: btoa('user:token') },
        'b.example.com': { auth: 'x' },
      },
    });
  });

  it('keeps an entry of others only where no credential has its key', () => {
    const others = { 'a.example.com': { auth: 'x' } };
    expect(dockerConfigJson([credential], { others })).toBe(dockerConfigJson([credential]));
  });

  it('is read again as it was written', () => {
    const login = fc.tuple(fc.string(), fc.string()).map(([user, word]) => dockerLogin(user, word));
    const entries = fc.dictionary(fc.string(), login);
    fc.assert(
      fc.property(entries, (others) => {
        const text = dockerConfigJson([], { others });
        const { auths, undecodable } = readDockerConfigJson(text) ?? { auths: {}, undecodable: ['all'] };
        expect(undecodable).toEqual([]);
        expect(dockerConfigJson([], { others: auths })).toBe(text);
      }),
    );
  });
});

describe('of what somebody else wrote, only entries that kubelet can decode are read', () => {
  const both = btoa('user:pass:word');
  it.each<[string, unknown]>([
    ['nothing in it', {}],
    ['a name and a password', { username: 'user', password: 'pass', email: 'a@example.com' }],
    ['both in base64', { auth: both }],
    ['both in base64 without padding', { auth: btoa('us:er').replaceAll('=', '') }],
    ['an empty auth', { username: 'user', password: 'pass', auth: '' }],
    ['fields that are null', { username: null, auth: null }],
    ['a field that kubelet does not know', { auth: both, identitytoken: 'x' }],
  ])('such as one with %s', (_, entry) => {
    const text = JSON.stringify({ auths: { 'a.example.com': entry } });
    expect(readDockerConfigJson(text)).toEqual({ auths: { 'a.example.com': entry }, undecodable: [] });
  });

  it.each<[string, unknown]>([
    ['an auth that is not base64', { auth: 'not base64 !' }],
    ['an auth that is base64 of another alphabet', { auth: btoa('\u00ff\u00fe:\u00ff\u00bf').replaceAll('/', '_') }],
    ['an auth with too little padding', { auth: btoa('user:pa').replace(/==$/, '=') }],
    ['an auth of text behind its padding', { auth: `${btoa('user:pa')}x` }],
    ['an auth of a length that no base64 has', { auth: 'abcde' }],
    ['an auth without a colon', { auth: btoa('user') }],
    ['an auth of blanks', { auth: ' ' }],
    ['an auth in another case, which Go reads all the same', { Auth: 'not base64 !' }],
    ['a number for a name', { username: 5, password: 'x' }],
    ['a list for a password', { username: 'user', password: ['x'] }],
    ['an auth that is a number', { auth: 5 }],
    ['no fields', 'text'],
    ['no value', null],
    ['a list for an entry', []],
  ])('not one with %s', (_, entry) => {
    const text = JSON.stringify({ auths: { 'a.example.com': entry, 'b.example.com': { auth: both } } });
    expect(readDockerConfigJson(text)).toEqual({
      auths: { 'b.example.com': { auth: both } },
      undecodable: ['a.example.com'],
    });
  });
});

it('any text is read as a dockerconfigjson or as none, and never thrown at', () => {
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc.json().map((json) => `{"auths":${json}}`),
  );
  fc.assert(
    fc.property(text, (any) => {
      const auths = readDockerConfigJson(any)?.auths;
      for (const entry of Object.values(auths ?? {})) expect(entry).toBeTypeOf('object');
    }),
  );
});

function dockerLogin(username: string, password: string): Record<string, string> {
  return { username, password, auth: Buffer.from(`${username}:${password}`).toString('base64') };
}
