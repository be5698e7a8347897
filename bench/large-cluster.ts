import type { KubeObject, ManagedFieldsEntry } from '../src/kube/objects.ts';
import { PULL_SECRET } from '../test/contract/pull-secret-check.ts';

/** Of a ServiceAccount that a chart made, as JSON. */
const SERVICE_ACCOUNT_BYTES = 2_048;
const CREATED_AT = '2026-01-01T00:00:00Z';

/** So many ServiceAccounts in each of the namespaces, besides `default`, all of which have the reference already. */
export function* serviceAccountsIn(namespaces: readonly string[], count: number): Generator<KubeObject> {
  for (const namespace of namespaces) {
    for (let index = 0; index < count; index++) yield serviceAccount(namespace, `web-${index}`);
  }
}

/** `default`, as its controller makes it and the webhook leaves it. */
export function* defaultAccountsOf(namespaces: readonly string[]): Generator<KubeObject> {
  for (const namespace of namespaces) {
    yield {
      metadata: { namespace, name: 'default', uid: uidOf(namespace, 'default'), creationTimestamp: CREATED_AT },
      ...attached,
    };
  }
}

export function* namespacesOf(names: readonly string[]): Generator<KubeObject> {
  for (const name of names) {
    const labels = { 'kubernetes.io/metadata.name': name };
    yield { metadata: { name, uid: uidOf('', name), creationTimestamp: CREATED_AT, labels }, ...active };
  }
}

const active = { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } };
const attached = { imagePullSecrets: [{ name: PULL_SECRET }] };

function serviceAccount(namespace: string, name: string): KubeObject {
  const object = {
    metadata: {
      name,
      namespace,
      uid: uidOf(namespace, name),
      creationTimestamp: CREATED_AT,
      labels: {
        'app.kubernetes.io/instance': name,
        'app.kubernetes.io/managed-by': 'Helm',
        'app.kubernetes.io/name': name,
        'helm.sh/chart': `${name}-1.2.3`,
      },
      annotations: { 'meta.helm.sh/release-name': name, 'meta.helm.sh/release-namespace': namespace, description: '' },
      managedFields: [
        managedBy('helm', 'f:labels', 'f:annotations'),
        managedBy('kube-controller-manager', 'f:secrets'),
      ],
    },
    secrets: [{ name: `${name}-token-x2k9p` }],
    ...attached,
  };
  const missing = SERVICE_ACCOUNT_BYTES - Buffer.byteLength(JSON.stringify(object));
  object.metadata.annotations.description = 'x'.repeat(Math.max(0, missing));
  return object;
}

function managedBy(manager: string, ...fields: string[]): ManagedFieldsEntry {
  const named = Object.fromEntries(
    Array.from({ length: 6 }, (_, index) => [`f:app.kubernetes.io/part-${index}`, {}] as const),
  );
  const fieldsV1 = { 'f:metadata': Object.fromEntries(fields.map((field) => [field, { '.': {}, ...named }])) };
  return { manager, operation: 'Update', apiVersion: 'v1', time: CREATED_AT, fieldsType: 'FieldsV1', fieldsV1 };
}

/** As long as a real one. */
function uidOf(namespace: string, name: string): string {
  const digits = Buffer.from(`${name}/${namespace}`).toString('hex').padEnd(32, '0').slice(0, 32);
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
