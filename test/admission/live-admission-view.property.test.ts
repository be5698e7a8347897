import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LiveAdmissionView } from '../../src/admission/live-admission-view.ts';
import type { Config } from '../../src/config/config.ts';
import type { MergedAuths } from '../../src/secrets/extra-auths.ts';
import { configWith, registry } from '../builders/config.ts';
import { credentialsOf, credentialWith, HOUR_MS } from '../builders/credential.ts';
import { AdmissionWorld } from '../fakes/admission-world.ts';

const NAMES = ['a', 'b', 'acr', 'kube-system'] as const;
const name = fc.constantFrom(...NAMES);
const secret = fc.tuple(name, fc.constantFrom('pull', 'pull-2')).map((parts) => parts.join('/'));
/** A second account of the same domains, and so a second pull Secret; and one that is meant for one namespace alone. */
const REGISTRIES = [
  registry,
  { ...registry, key: 'cri-2', instanceId: 'cri-2' },
  { ...registry, key: 'cri-b', instanceId: 'cri-b', namespaces: ['b'] },
];
const config = fc.record({
  registries: fc.subarray(REGISTRIES),
  watchNamespaces: fc.constantFrom<Config['watchNamespaces']>('all', ['a'], ['b', 'acr']),
  webhook: fc.record({
    enabled: fc.constant(true),
    failurePolicy: fc.constantFrom('Ignore' as const, 'Fail' as const),
    timeoutSeconds: fc.constantFrom(3, 10),
  }),
});
const labels = fc.constantFrom<Record<string, string>>({}, { 'acr-credential-injector/inject': 'false' });
const extraAuths = fc.record({
  auths: fc.constantFrom<MergedAuths['auths']>({}, { 'r.example.com': {} }),
  isSettled: fc.boolean(),
});

type Change = (world: AdmissionWorld) => void;

/** What happens between two reviews. */
const change: fc.Arbitrary<Change> = fc.oneof(
  config.map(
    (fields): Change =>
      (world) =>
        (world.config = configWith(fields)),
  ),
  fc
    .tuple(...REGISTRIES.map(() => fc.option(fc.integer({ min: -1, max: 3 }))))
    .map((hours): Change => giveTokens(hours)),
  extraAuths.map(
    (merged): Change =>
      (world) =>
        (world.extraAuths = merged),
  ),
  fc.tuple(name, labels).map(
    ([namespace, given]): Change =>
      (world) =>
        world.putNamespace(namespace, { labels: given }),
  ),
  name.map(
    (namespace): Change =>
      (world) =>
        world.removeNamespace(namespace),
  ),
  fc.tuple(secret, fc.constantFrom(undefined, 'Opaque')).map(
    ([key, type]): Change =>
      (world) =>
        world.putSecret(key, type),
  ),
  secret.map(
    (key): Change =>
      (world) =>
        world.removeSecret(key),
  ),
  fc.boolean().map(
    (isOn): Change =>
      (world) =>
        (world.paused = isOn),
  ),
  fc.constantFrom(20, 21, 30).map(
    (minor): Change =>
      (world) =>
        (world.serverMinor = minor),
  ),
  fc.integer({ min: 0, max: 2 * HOUR_MS }).map(
    (ms): Change =>
      (world) =>
        world.clock.advance(ms),
  ),
);

/** @param hours for which each registry's token still lives; null: it has none. */
function giveTokens(hours: readonly (number | null)[]): Change {
  return (world) => {
    const credentials = REGISTRIES.flatMap((entry, index) => {
      const lives = hours[index] ?? null;
      const expiresAt = world.clock.now() + (lives ?? 0) * HOUR_MS;
      return lives === null ? [] : [[entry, credentialWith({ expiresAt })] as const];
    });
    world.tokens = { generation: world.tokens.generation + 1, credentials: credentialsOf(...credentials) };
  };
}

/** What can be compared of a view. */
function said(live: LiveAdmissionView, namespace: string) {
  const view = live.of(namespace) ?? expect.unreachable('there is a configuration');
  const images = ['shop-registry.cn-hangzhou.cr.aliyuncs.com/a/b:1', 'r.example.com/x', 'nginx'];
  return {
    ...view,
    selectsServiceAccount: view.selectsServiceAccount('app'),
    managesImage: images.map((image) => view.managesImage(image)),
  };
}

it('whatever was asked before, a view says what one that is made now would say', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60, size: 'max' }), (changes) => {
      const world = new AdmissionWorld();
      for (const namespace of NAMES) world.putNamespace(namespace);
      const view = world.view();
      for (const happens of changes) {
        happens(world);
        for (const namespace of NAMES) expect(said(view, namespace)).toEqual(said(world.view(), namespace));
      }
    }),
  );
});

it('a view is one object for as long as nothing of it changes, and is not kept of a namespace that no watch has brought', () => {
  const world = new AdmissionWorld();
  world.putNamespace('a');
  const view = world.view();
  const first = view.of('a');
  expect(view.of('a')).toBe(first);
  world.clock.advance(HOUR_MS);
  expect(view.of('a')).not.toBe(first);
  expect(view.of('b')).not.toBe(view.of('b'));
});
