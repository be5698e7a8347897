import type { Namespace } from '../../../src/kube/objects.ts';
import { nameOf } from './admission-attributes.ts';
import type { AdmissionAttributes } from './admission-attributes.ts';
import { forbidden, notFound } from './status-error.ts';

const protectedNamespaces = ['default', 'kube-system', 'kube-public'];

/** The `NamespaceLifecycle` plugin: nothing is created in a namespace that is missing or going. */
export function admitNamespaceLifecycle(attributes: AdmissionAttributes, namespace: Namespace | undefined): void {
  const { operation, resource, name } = attributes;
  if (operation === 'DELETE' && resource.plural === 'namespaces' && protectedNamespaces.includes(name)) {
    throw forbidden(resource, name, 'this namespace may not be deleted');
  }
  if (operation !== 'CREATE' || !resource.namespaced) return;
  if (!namespace) throw notFound({ plural: 'namespaces', group: '' }, attributes.namespace);
  if (namespace.metadata.deletionTimestamp === undefined) return;
  const text = `unable to create new content in namespace ${attributes.namespace} because it is being terminated`;
  const message = `namespace ${attributes.namespace} is being terminated`;
  const cause = { reason: 'NamespaceTerminating', message, field: 'metadata.namespace' };
  throw forbidden(resource, nameOf(attributes), text, [cause]);
}
