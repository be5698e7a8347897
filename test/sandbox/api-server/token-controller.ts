import { resources as known } from '../../../src/kube/resources.ts';
import { asMaps } from './api-object.ts';
import type { ApiObject } from './api-object.ts';
import { queueOf } from './controller-context.ts';
import type { ControllerContext } from './controller-context.ts';
import type { WriteRequest } from './object-writer.ts';

const write: WriteRequest = {
  user: { username: 'system:kube-controller-manager', groups: ['system:authenticated'] },
  manager: 'kube-controller-manager',
  dryRun: false,
  warn: () => undefined,
};

/** Gives every ServiceAccount a token Secret, as clusters before 1.24 do: each one is UPDATEd right after its creation. */
export function startTokenController(context: ControllerContext): void {
  const { store, writer, resources } = context;
  const serviceAccounts = resources.of(known.serviceAccounts);
  const secrets = resources.of(known.secrets);

  const reconcile = async (key: string) => {
    const [namespace = '', name = ''] = key.split('/');
    const account = store.get(serviceAccounts, namespace, name)?.object;
    if (!account || account.metadata.deletionTimestamp || asMaps(account.secrets).length > 0) return;
    const annotations = {
      'kubernetes.io/service-account.name': name,
      'kubernetes.io/service-account.uid': account.metadata.uid,
    };
    const token = {
      metadata: { generateName: `${name}-token-`, annotations },
      type: 'kubernetes.io/service-account-token',
    };
    const { object } = await writer.create({ resource: secrets, namespace, name: '' }, token, write);
    const reference = { name: object.metadata.name };
    const next = (live: ApiObject | undefined) => ({ ...live, secrets: [reference] }) as unknown as ApiObject;
    await writer.change({ resource: serviceAccounts, namespace, name }, { next }, write);
  };

  const queue = queueOf(context, reconcile);
  store.subscribe(({ type, stored, resource }) => {
    if (resource === serviceAccounts && type === 'ADDED') queue.add(`${stored.namespace}/${stored.name}`);
  });
}
