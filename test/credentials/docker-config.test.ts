import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dockerConfigJson } from '../../src/credentials/docker-config.ts';

interface Auths {
  auths: Record<string, { username: string; password: string; auth: string }>;
}

const auth = (username: string, password: string) => Buffer.from(`${username}:${password}`).toString('base64');

describe('the content of a dockerconfigjson Secret', () => {
  it('holds name, password and both in base64 under each domain', () => {
    const credential = { username: 'user', password: 'pässword', domains: ['b.example.com', 'a.example.com:65001'] };
    const entry = { username: 'user', password: 'pässword', auth: auth('user', 'pässword') };
    expect(JSON.parse(dockerConfigJson([credential]))).toEqual({
      auths: { 'a.example.com:65001': entry, 'b.example.com': entry },
    });
  });

  it('takes the first credential that has a domain', () => {
    const first = { username: 'first', password: 'x', domains: ['a'] };
    const second = { username: 'second', password: 'y', domains: ['b', 'a'] };
    const { auths } = JSON.parse(dockerConfigJson([first, second])) as Auths;
    expect(auths.a?.username).toBe('first');
    expect(auths.b?.username).toBe('second');
  });

  it('is empty without a credential', () => {
    expect(dockerConfigJson([])).toBe('{"auths":{}}');
  });

  const domain = fc.oneof(fc.domain(), fc.constantFrom('10', '2', '__proto__', 'constructor'));
  const credential = fc.record({
    username: fc.string(),
    password: fc.string(),
    domains: fc.uniqueArray(domain, { maxLength: 6 }),
  });

  it('has the same bytes whatever the order of the domains', () => {
    fc.assert(
      fc.property(fc.array(credential), fc.infiniteStream(fc.nat()), (credentials, numbers) => {
        const shuffled = credentials.map((each) => ({ ...each, domains: shuffle(each.domains, numbers) }));
        expect(dockerConfigJson(shuffled)).toBe(dockerConfigJson(credentials));
      }),
    );
  });

  it('has the same bytes whatever the order of credentials that share no domain', () => {
    const disjoint = fc.array(credential).map((credentials) => {
      const taken = new Set<string>();
      return credentials.map((each) => {
        const domains = each.domains.filter((name) => !taken.has(name));
        domains.forEach((name) => taken.add(name));
        return { ...each, domains };
      });
    });
    fc.assert(
      fc.property(disjoint, fc.infiniteStream(fc.nat()), (credentials, numbers) => {
        expect(dockerConfigJson(shuffle(credentials, numbers))).toBe(dockerConfigJson(credentials));
      }),
    );
  });

  it('has each domain of each credential, and no other', () => {
    fc.assert(
      fc.property(fc.array(credential), (credentials) => {
        const { auths } = JSON.parse(dockerConfigJson(credentials)) as Auths;
        const domains = new Set(credentials.flatMap((each) => each.domains));
        expect(new Set(Object.keys(auths))).toEqual(domains);
        for (const { username, password, auth: both } of Object.values(auths)) {
          expect(both).toBe(auth(username, password));
        }
      }),
    );
  });
});

function shuffle<T>(items: readonly T[], numbers: Iterator<number>): T[] {
  const keyed = items.map((item) => ({ item, place: Number(numbers.next().value) }));
  return keyed.sort((a, b) => a.place - b.place).map(({ item }) => item);
}
