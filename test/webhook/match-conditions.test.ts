import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileAuthKeys } from '../../src/registry/auth-key-matcher.ts';
import { knowsMatchConditions, podMatchConditions } from '../../src/webhook/match-conditions.ts';

/** The registries that the expression compares with; undefined: every Pod comes. */
function registriesIn(keys: string[]): string[] | undefined {
  const [condition] = podMatchConditions(keys) ?? [];
  const [, list] = / in \[(.*?)\]/.exec(condition?.expression ?? '') ?? [];
  return list?.split(', ').map((literal) => literal.slice(1, -1));
}

/** What the expression says of one image. */
function comes(keys: string[], image: string): boolean {
  return registriesIn(keys)?.includes(image.split('/')[0] ?? '') ?? true;
}

describe('the condition', () => {
  it('compares what is before the first slash with every registry, each once and in order', () => {
    const keys = ['b.example.com', 'https://a.example.com:5000', 'http://b.example.com/'];
    expect(registriesIn(keys)).toEqual(['a.example.com:5000', 'b.example.com']);
    expect(podMatchConditions(keys)).toEqual(podMatchConditions(keys.toReversed()));
  });

  it.each([
    ['a glob', '*.cn-hangzhou.cr.aliyuncs.com'],
    ['a set of characters', 'registry[12].example.com'],
    ['a path', 'registry.example.com/team'],
    ['a path of an old kind', 'https://registry.example.com/v1/'],
    ['an empty port', 'registry.example.com:'],
    ['an address in brackets', '[::1]:5000'],
    ['a user', 'user@registry.example.com'],
    ['Docker Hub', 'docker.io'],
    ["Docker Hub's index", 'https://index.docker.io'],
    ['a host without a dot', 'localhost'],
    ['an end of the text', "a.example.com'] || true"],
  ])('is left out where a key has %s', (_, key) => {
    expect(podMatchConditions(['registry.example.com', key])).toBeUndefined();
  });

  it('is left out where no key is known', () => {
    expect(podMatchConditions([])).toBeUndefined();
  });

  it('lets every image come that kubelet would use a login for', () => {
    const host = fc.constantFrom('a.example.com', 'b.example.com', 'docker.io', 'index.docker.io', 'localhost', 'a');
    const port = fc.constantFrom('', ':443', ':5000');
    const key = fc
      .tuple(
        fc.constantFrom('', 'https://', 'http://'),
        host,
        fc.oneof(port, fc.constant(':')),
        fc.constantFrom('', '/', '/team', '/v2/'),
      )
      .map((parts) => parts.join(''));
    const name = fc.constantFrom('nginx', 'team/app', 'library/x:1', 'team/app@sha256:0123', '');
    const image = fc.tuple(host, port, name).map(([where, at, path]) => `${where}${at}/${path}`);
    fc.assert(
      fc.property(fc.array(key, { maxLength: 4 }), fc.oneof(image, name), (keys, pulled) => {
        if (compileAuthKeys(keys)(pulled) !== undefined) expect(comes(keys, pulled)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('keeps an image of another registry away', () => {
    expect(comes(['a.example.com'], 'b.example.com/a.example.com/x:1')).toBe(false);
    expect(comes(['a.example.com'], 'a.example.com:5000/x:1')).toBe(false);
    expect(comes(['a.example.com'], 'nginx')).toBe(false);
  });

  it('leaves the more images to the webhook the more registries there are', () => {
    const expressionOf = (count: number) => {
      const keys = Array.from({ length: count }, (_, index) => `r${index}.example.com`);
      return podMatchConditions(keys)?.[0]?.expression;
    };
    expect(expressionOf(1)).toContain('size(images) > 500000');
    expect(expressionOf(150)).toContain('size(images) > 3333');
  });
});

it('conditions are known from Kubernetes 1.30 on', () => {
  expect([29, 30].map(knowsMatchConditions)).toEqual([false, true]);
});
