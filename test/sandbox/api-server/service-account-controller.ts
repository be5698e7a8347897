import { resources as known } from '../../../src/kube/resources.ts';
import { queueOf, writeAs } from './controller-context.ts';
import type { ControllerContext } from './controller-context.ts';

/** Gives every namespace that stays its ServiceAccount `default`, again and again. */
export function startServiceAccountController(context: ControllerContext): void {
  const { store, writer, resources } = context;
  const namespaces = resources.of(known.namespaces);
  const serviceAccounts = resources.of(known.serviceAccounts);

  const reconcile = async (namespace: string) => {
    const live = store.get(namespaces, '', namespace);
    if (!live || live.object.metadata.deletionTimestamp) return;
    if (store.get(serviceAccounts, namespace, 'default')) return;
    const body = { metadata: { name: 'default', namespace } };
    await writer.create(
      { resource: serviceAccounts, namespace, name: '' },
      body,
      writeAs('service-account-controller'),
    );
  };

  const queue = queueOf(context, reconcile);
  store.subscribe(({ type, stored, resource }) => {
    if (resource === namespaces && type !== 'DELETED') queue.add(stored.name);
    if (resource === serviceAccounts && type === 'DELETED' && stored.name === 'default') queue.add(stored.namespace);
  });
}
