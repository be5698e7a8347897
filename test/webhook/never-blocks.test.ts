import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { webhookConfiguration } from '../../src/webhook/webhook-configuration.ts';
import { SELF_TEST_LABEL } from '../../src/webhook/self-test-request.ts';
import { configWith } from '../builders/config.ts';
import { matchingEntries, type ComparedRequest } from './matching-entries.ts';

const SYSTEM = ['kube-system', 'kube-public', 'kube-node-lease'];
const OWN_POD = { 'app.kubernetes.io/name': 'acr-credential-injector' };

const watched: Config['watchNamespaces'][] = [
  'all',
  [],
  ['team-a'],
  ['kube-system'],
  ['acr'],
  [...SYSTEM, 'acr', 'team-a', 'team-b'],
];
const excluded = [[], ['team-a'], ['kube-*'], ['*']];

/** Every combination of what decides, as the registration that comes of it. */
const cases = (['Ignore', 'Fail'] as const).flatMap((failurePolicy) =>
  watched.flatMap((watchNamespaces) =>
    excluded.flatMap((excludeNamespaces) =>
      ['acr', 'kube-system'].flatMap((ownNamespace) =>
        [19, 20, 21, 29, 30, 36].map((serverMinor) => {
          const webhook = { enabled: true, failurePolicy, timeoutSeconds: 10 };
          const config = configWith({ watchNamespaces, excludeNamespaces, webhook });
          const registration = webhookConfiguration({
            config,
            ownNamespace,
            serverMinor,
            address: { url: 'https://127.0.0.1/mutate' },
            caBundle: 'PEM',
          });
          /** Before 1.21 no label tells a namespace's name. */
          const sent = (request: Omit<ComparedRequest, 'namespaceLabels'>, namespace: string) => {
            const namespaceLabels: Record<string, string> =
              serverMinor < 21 ? {} : { 'kubernetes.io/metadata.name': namespace };
            return matchingEntries(registration, { ...request, namespaceLabels });
          };
          return { watchNamespaces, ownNamespace, serverMinor, failurePolicy, config, sent };
        }),
      ),
    ),
  ),
);

const requests = [
  { operation: 'CREATE', resource: 'serviceaccounts' },
  { operation: 'UPDATE', resource: 'serviceaccounts' },
  { operation: 'CREATE', resource: 'pods' },
] as const;
const everywhere = [...SYSTEM, 'acr', 'team-a', 'team-b'];
const SELF_TEST_ENTRY = 'self-test.acr-credential-injector.local';
const selfTest = { ...requests[0], labels: { [SELF_TEST_LABEL]: 'true' } };

describe(`none of ${cases.length} registrations`, () => {
  it.each(requests)('can refuse a $operation of $resource in a namespace of the cluster, or in our own', (request) => {
    for (const { sent, ownNamespace } of cases) {
      for (const namespace of [...SYSTEM, ownNamespace]) {
        expect(sent(request, namespace).map(({ failurePolicy }) => failurePolicy)).not.toContain('Fail');
      }
    }
  });

  it('asks about anything in such a namespace that `watch-namespace` does not name, where names can be told', () => {
    for (const { sent, ownNamespace, watchNamespaces, serverMinor } of cases) {
      if (serverMinor < 21) continue;
      const unnamed = [...SYSTEM, ownNamespace].filter((name) => !watchNamespaces.includes(name));
      for (const namespace of unnamed) {
        for (const request of requests) expect(sent(request, namespace)).toEqual([]);
      }
    }
  });

  it('asks about our own Pods, wherever they are', () => {
    for (const { sent } of cases) {
      for (const namespace of everywhere) expect(sent({ ...requests[2], labels: OWN_POD }, namespace)).toEqual([]);
    }
  });

  it('can refuse an UPDATE, which would hold namespaces in Terminating', () => {
    for (const { sent } of cases) {
      for (const namespace of everywhere) {
        for (const { failurePolicy } of sent(requests[1], namespace)) expect(failurePolicy).toBe('Ignore');
      }
    }
  });

  it('can refuse anything before 1.21', () => {
    for (const { sent, serverMinor } of cases) {
      if (serverMinor >= 21) continue;
      for (const request of requests) {
        for (const { failurePolicy } of sent(request, 'team-a')) expect(failurePolicy).toBe('Ignore');
      }
    }
  });

  it('asks twice, or leaves the self-test out, or lets it be refused', () => {
    for (const { sent, ownNamespace } of cases) {
      for (const namespace of everywhere) {
        for (const request of requests) expect(sent(request, namespace).length).toBeLessThanOrEqual(1);
      }
      const entries = sent(selfTest, ownNamespace);
      expect(entries.map(({ name }) => name)).toContain(SELF_TEST_ENTRY);
      expect(entries.map(({ failurePolicy }) => failurePolicy)).not.toContain('Fail');
    }
  });

  it("lets anybody keep a ServiceAccount away by the self-test's label", () => {
    for (const { sent } of cases) {
      for (const namespace of everywhere) {
        for (const request of requests) {
          const labelled = sent({ ...request, labels: selfTest.labels }, namespace);
          expect(labelled.filter(({ name }) => name !== SELF_TEST_ENTRY)).toEqual(sent(request, namespace));
        }
      }
    }
  });
});

it('with Fail, an ordinary namespace that is watched is refused, so that the above can fail', () => {
  const refusing = cases.filter(({ sent }) =>
    sent(requests[2], 'team-b').some(({ failurePolicy }) => failurePolicy === 'Fail'),
  );
  // `all` and the long list, without the exclusion of everything, from 1.21 on; for both own namespaces.
  expect(refusing.length).toBeGreaterThan(20);
});
