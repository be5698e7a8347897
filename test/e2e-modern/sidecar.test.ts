import { expect, it } from 'vitest';
import type { MutatingWebhookConfiguration, Pod } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from '../contract/eventually.ts';
import { PULL_SECRET } from '../contract/pull-secret-check.ts';
import { useTestBed } from '../contract/test-bed.ts';
import { MANAGED_IMAGE, namesIn, pod, PUBLIC_IMAGE } from '../contract/workloads.ts';
import { caBundle, TestWebhook } from '../sandbox/api-server/test-webhook.ts';

const bed = useTestBed();

/** A service mesh, as it were: adds a container with a managed image to every Pod of the namespace. */
function meshRegistration(url: string, namespace: string): MutatingWebhookConfiguration {
  const inNamespace = { key: 'kubernetes.io/metadata.name', operator: 'In' as const, values: [namespace] };
  const rule = { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] };
  return {
    metadata: { name: 'mesh-sidecar-injector' },
    webhooks: [
      {
        name: 'sidecar.mesh.example.com',
        clientConfig: { url, caBundle },
        rules: [rule],
        namespaceSelector: { matchExpressions: [inNamespace] },
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  };
}

it("a Pod whose only managed image is another webhook's sidecar gets the reference", async () => {
  const namespace = await bed.servedNamespace();
  await using mesh = await TestWebhook.start();
  const sidecar = { op: 'add', path: '/spec/containers/-', value: { name: 'sidecar', image: MANAGED_IMAGE } };
  mesh.reply = () => ({ patch: [sidecar] });
  const kind = resources.mutatingWebhookConfigurations;
  await bed.user.create(kind, meshRegistration(mesh.url, namespace));
  try {
    const containers = [{ name: 'main', image: PUBLIC_IMAGE }];
    // The API server learns of a registration a moment later.
    const created = await eventually(async () => {
      const object = pod({ namespace, name: 'meshed' }, { containers });
      const shown = await bed.user.create<Pod>(resources.pods, object, { dryRun: true });
      return (shown.spec?.containers ?? []).length === 2 && shown;
    });
    expect(namesIn(created.spec?.imagePullSecrets)).toEqual([PULL_SECRET]);
  } finally {
    await bed.user.delete(kind, { name: 'mesh-sidecar-injector' });
  }
});
