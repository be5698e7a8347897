import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseImageReference } from '../../src/registry/image-reference.ts';

test.each([
  ['nginx', 'docker.io', 'library/nginx'],
  ['nginx:1.27', 'docker.io', 'library/nginx'],
  ['team/app', 'docker.io', 'team/app'],
  ['docker.io/nginx', 'docker.io', 'library/nginx'],
  ['index.docker.io/team/app:1', 'docker.io', 'team/app'],
  ['localhost/app', 'localhost', 'app'],
  ['localhost:5000/app:1', 'localhost:5000', 'app'],
  ['localhost:5000', 'docker.io', 'library/localhost'],
  ['registry/app', 'docker.io', 'registry/app'],
  ['Registry/app', 'Registry', 'app'],
  ['registry:5000/app', 'registry:5000', 'app'],
  ['[::1]:5000/app:1', '[::1]:5000', 'app'],
  ['shop-registry.cn-hangzhou.cr.aliyuncs.com/team/app:v1', 'shop-registry.cn-hangzhou.cr.aliyuncs.com', 'team/app'],
  ['a.example.com:65001/x/y/z@sha256:0123456789abcdef', 'a.example.com:65001', 'x/y/z'],
  ['a.example.com/x:1@sha256:0123456789abcdef', 'a.example.com', 'x'],
])('%s is pulled from %s as %s', (image, registry, repository) => {
  expect(parseImageReference(image)).toEqual({ registry, repository });
});

const component = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,8})?$/);
const registry = fc
  .tuple(fc.stringMatching(/^[a-z0-9]{1,8}(\.[a-z]{2,6}){1,3}$/), fc.option(fc.integer({ min: 1, max: 65_535 })))
  .map(([host, port]) => (port === null ? host : `${host}:${port}`))
  .filter((name) => name !== 'docker.io');
const repository = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const suffix = fc.constantFrom('', ':latest', ':v1.2', `@sha256:${'a'.repeat(64)}`, `:v1@sha256:${'b'.repeat(64)}`);

test('registry and repository come back out, whatever tag and digest follow', () => {
  fc.assert(
    fc.property(registry, repository, suffix, (host, path, end) => {
      expect(parseImageReference(`${host}/${path}${end}`)).toEqual({ registry: host, repository: path });
    }),
  );
});

test('resolving the resolved name changes nothing more', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        repository,
        fc.tuple(registry, repository).map(([a, b]) => `${a}/${b}`),
      ),
      suffix,
      (name, end) => {
        const once = parseImageReference(name + end);
        expect(parseImageReference(`${once.registry}/${once.repository}`)).toEqual(once);
      },
    ),
  );
});

test('no text makes it fail', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(parseImageReference(text).registry).not.toBe('');
    }),
  );
});
