import { resources as known } from '../../../src/kube/resources.ts';
import { asMap } from './api-object.ts';
import type { ApiObject } from './api-object.ts';
import { queueOf, writeAs } from './controller-context.ts';
import type { ControllerContext } from './controller-context.ts';

/** Empties namespaces that are being deleted, and lets them go once they are empty. */
export function startNamespaceController(context: ControllerContext): void {
  const { store, writer, resources } = context;
  const namespaces = resources.of(known.namespaces);
  const write = writeAs('namespace-controller');
  const find = (name: string) => store.get(namespaces, '', name);

  const reconcile = async (namespace: string) => {
    if (!find(namespace)?.object.metadata.deletionTimestamp) return;
    for (const resource of resources.all.filter(({ namespaced }) => namespaced)) {
      for (const { name, object } of store.list(resource, namespace)) {
        if (!object.metadata.deletionTimestamp) await writer.delete({ resource, namespace, name }, write);
      }
    }
    const left = resources.all.some((resource) => resource.namespaced && store.list(resource, namespace).length > 0);
    if (left || !find(namespace)) return;
    const target = { resource: namespaces, namespace: '', name: namespace, subresource: 'finalize' };
    await writer.change(target, { next: withoutFinalizers }, write);
  };

  const queue = queueOf(context, reconcile);
  store.subscribe(({ type, stored, resource }) => {
    if (resource === namespaces && type === 'MODIFIED' && stored.object.metadata.deletionTimestamp)
      queue.add(stored.name);
    // What had finalizers of its own is gone: perhaps the namespace can go, too.
    if (type === 'DELETED' && find(stored.namespace)?.object.metadata.deletionTimestamp) queue.add(stored.namespace);
  });
}

function withoutFinalizers(live: ApiObject | undefined): ApiObject {
  return { ...live, spec: { ...asMap(live?.spec), finalizers: [] } } as unknown as ApiObject;
}
