import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileAuthKeys } from '../../src/registry/auth-key-matcher.ts';

/** Would kubelet use the credentials under this key for the image? */
const matches = (key: string, image: string) => compileAuthKeys([key])(image) === key;

describe('one key', () => {
  test.each([
    ['the same host', 'a.example.com', 'a.example.com/team/app:1'],
    ['a scheme before it', 'https://a.example.com', 'a.example.com/app'],
    ['a plain scheme', 'http://a.example.com/', 'a.example.com/app'],
    ['the path of the old API', 'https://a.example.com/v1/', 'a.example.com/app'],
    ['the path of the API before another', 'a.example.com/v2/team', 'a.example.com/team/app'],
    ['a user and a query', 'https://me@a.example.com?x=1', 'a.example.com/app'],
    ['a glob for a label', '*.example.com', 'a.example.com/app'],
    [
      'a glob within a label',
      '*-registry-vpc.cn-hangzhou.cr.aliyuncs.com',
      'shop-registry-vpc.cn-hangzhou.cr.aliyuncs.com/x',
    ],
    ['a glob in the middle', 'registry.*.aliyuncs.com', 'registry.cn-beijing.aliyuncs.com/x/y'],
    ['a class of characters', 'reg[1-3].example.com', 'reg2.example.com/app'],
    ['a class of characters between globs', '*reg[1-3]*.example.com', 'a-reg4-reg2-b.example.com/app'],
    ['the same port', 'a.example.com:65001', 'a.example.com:65001/app'],
    ['a glob and a port', '*.example.com:65001', 'a.example.com:65001/app'],
    ['a path that begins the image', 'a.example.com/team', 'a.example.com/team/app'],
    ['a path that begins a component of the image', 'a.example.com/team', 'a.example.com/team-b/app'],
    ['the image itself', 'a.example.com/team/app', 'a.example.com/team/app@sha256:0123'],
    ['Docker Hub by its name', 'docker.io', 'nginx'],
    ['a path on Docker Hub', 'docker.io/library', 'nginx:1'],
    ['the key that docker login writes', 'https://index.docker.io/v1/', 'team/app'],
    ['an address', '[::1]:5000', '[::1]:5000/app'],
  ])('fits with %s', (_, key, image) => {
    expect(matches(key, image)).toBe(true);
  });

  test.each([
    ['another host', 'a.example.com', 'b.example.com/app'],
    ['fewer labels', '*.example.com', 'example.com/app'],
    ['more labels', '*.example.com', 'a.b.example.com/app'],
    ['only the beginning of the host', 'a.example', 'a.example.com/app'],
    ['a glob for a label that is not there', 'a.example.*', 'a.example/app'],
    ['a character beside a glob that means something elsewhere', 'a+*.example.com', 'aax.example.com/app'],
    ['a glob that would have to cross a dot', 'reg*.com', 'reg.example.com/app'],
    ['a port that the image has not', 'a.example.com:443', 'a.example.com/app'],
    ['no port where the image has one', 'a.example.com', 'a.example.com:65001/app'],
    ['a glob for the port', 'a.example.com:*', 'a.example.com:65001/app'],
    ['another path', 'a.example.com/team', 'a.example.com/other/team'],
    ['a tag where a path would be', 'a.example.com/app:1', 'a.example.com/app:1'],
    ['a glob in the path', 'a.example.com/*', 'a.example.com/team/app'],
    ['an open bracket', 'reg[1.example.com', 'reg1.example.com/app'],
    ['a class that runs backwards', 'reg[3-1].example.com', 'reg2.example.com/app'],
    ['a space', 'a .example.com', 'a .example.com/app'],
    ['nothing', '', 'nginx'],
    ['only a scheme', 'https://', 'nginx'],
    ['characters that mean something elsewhere', 'a+example.com', 'aaexample.com/app'],
    ['a dot that stands for any character', 'a.example.com', 'a.exampleXcom/app'],
    ['Docker Hub while the image is elsewhere', 'index.docker.io', 'a.example.com/app'],
  ])('does not fit with %s', (_, key, image) => {
    expect(matches(key, image)).toBe(false);
  });
});

describe('several keys', () => {
  test('the more specific path is tried first, in whatever order they are written', () => {
    for (const keys of [
      ['a.example.com', 'a.example.com/team'],
      ['a.example.com/team', 'a.example.com'],
    ]) {
      const match = compileAuthKeys(keys);
      expect(match('a.example.com/team/app')).toBe('a.example.com/team');
      expect(match('a.example.com/other')).toBe('a.example.com');
    }
  });

  test('a plain host is tried before a glob', () => {
    expect(compileAuthKeys(['*.example.com', 'a.example.com'])('a.example.com/app')).toBe('a.example.com');
  });

  test('the key is named as it is written', () => {
    expect(compileAuthKeys(['https://a.example.com/v1/'])('a.example.com/app')).toBe('https://a.example.com/v1/');
  });

  test('Docker Hub stands in only when no other key fits, and even for localhost, as in kubelet', () => {
    const match = compileAuthKeys(['https://index.docker.io/v1/', 'docker.io/team']);
    expect(match('team/app')).toBe('docker.io/team');
    expect(match('nginx')).toBe('https://index.docker.io/v1/');
    expect(match('localhost/app')).toBe('https://index.docker.io/v1/');
    expect(match('localhost:5000/app')).toBeUndefined();
  });

  test('keys that cannot be read do not disturb the others', () => {
    expect(compileAuthKeys(['reg[1', 'x y', '', 'a.example.com'])('a.example.com/app')).toBe('a.example.com');
  });
});

describe('a Pod that somebody made to keep us busy', () => {
  const end = '.cn-hangzhou.cr.aliyuncs.com';
  const msOf = (keys: string[], images: string[]) => {
    const match = compileAuthKeys(keys);
    const startedAt = performance.now();
    for (const image of images) match(image);
    return performance.now() - startedAt;
  };

  test.each([
    ['a label as long as a Pod may be', `*-registry-*${end}`, `${'-registry-'.repeat(200_000)}\n${end}/x`],
    ['a label that fits each of many stars in many ways', `${'*a'.repeat(30)}b${end}`, `${'a'.repeat(200)}${end}/x`],
    ['many labels', `*.*.*${end}`, `${'.'.repeat(2_000_000)}${end}/x`],
  ])('takes no time by %s', (_, key, image) => {
    expect(msOf([key], [image])).toBeLessThan(500);
  });

  test('is not compared where no name can be so long', () => {
    const host = (length: number) => `${'a'.repeat(length - end.length)}${end}`;
    expect(matches(`*${end}`, `${host(253)}/app`)).toBe(true);
    expect(matches(`*${end}`, `${host(254)}/app`)).toBe(false);
  });
});

describe('for any host and path', () => {
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
  const labels = fc.array(label, { minLength: 2, maxLength: 5 });
  const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined });
  const path = fc.array(label, { minLength: 1, maxLength: 4 });
  const join = (parts: string[], number?: number) => parts.join('.') + (number === undefined ? '' : `:${number}`);

  test('a key fits its own images, and with any prefix of their path', () => {
    fc.assert(
      fc.property(labels, port, path, fc.nat(), (host, number, parts, cut) => {
        const image = `${join(host, number)}/${parts.join('/')}:tag`;
        const prefix = parts.slice(0, cut % (parts.length + 1)).join('/');
        expect(matches(`${join(host, number)}/${prefix}`, image)).toBe(true);
        expect(matches(`https://${join(host, number)}/v2/${prefix}`, image)).toBe(true);
      }),
    );
  });

  test('a label turned into a glob still fits, and never with a label more or less', () => {
    fc.assert(
      fc.property(labels, port, fc.nat(), (host, number, at) => {
        const glob = host.map((part, position) => (position === at % host.length ? '*' : part));
        expect(matches(join(glob, number), `${join(host, number)}/app`)).toBe(true);
        expect(matches(join(glob, number), `${join(['more', ...host], number)}/app`)).toBe(false);
        expect(matches(join(['*', ...glob], number), `${join(host, number)}/app`)).toBe(false);
      }),
    );
  });

  test('without globs, a key fits exactly the images of the same host and port under its path', () => {
    const few = fc.constantFrom('a', 'b', 'ab');
    const target = fc.tuple(
      fc.array(few, { minLength: 2, maxLength: 3 }),
      fc.constantFrom(undefined, 80),
      fc.array(few, { minLength: 1, maxLength: 2 }),
    );
    fc.assert(
      fc.property(target, target, ([host, number, parts], [otherHost, otherNumber, otherParts]) => {
        const key = `${join(host, number)}/${parts.join('/')}`;
        const image = `${join(otherHost, otherNumber)}/${otherParts.join('/')}`;
        expect(matches(key, image)).toBe(image.startsWith(key));
      }),
    );
  });

  test('no key and no image makes it fail', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.string(), (keys, image) => {
        const found = compileAuthKeys(keys)(image);
        expect(found === undefined || keys.includes(found)).toBe(true);
      }),
    );
  });
});
