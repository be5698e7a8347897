import { KubeApiError } from '../errors.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { ServiceAccount } from '../kube/objects.ts';
import { resources } from '../kube/resources.ts';
import { references } from '../targets/service-account-drift.ts';
import { ServiceAccountWriter } from '../targets/service-account-writer.ts';
import { ifThere } from '../kube/if-there.ts';
import type { Leftover } from './leftovers.ts';

type Client = Pick<KubeClient, 'get' | 'jsonPatch' | 'delete'>;

/**
 * Removes one thing, as it was found: what has its name since, but is another, stays.
 * @returns false when somebody was faster, or put it back at once.
 * @throws KubeApiError when the API server refuses, or cannot be reached.
 */
export function remove(client: Client, leftover: Leftover, signal: AbortSignal): Promise<boolean> {
  switch (leftover.kind) {
    case 'ServiceAccount':
      return detach(client, leftover, signal);
    case 'MutatingWebhookConfiguration':
    case 'Secret':
      return deleteObject(client, leftover, signal);
  }
}

async function deleteObject(
  client: Client,
  { kind, ref, uid }: Exclude<Leftover, { kind: 'ServiceAccount' }>,
  signal: AbortSignal,
): Promise<boolean> {
  const resource = kind === 'Secret' ? resources.secrets : resources.mutatingWebhookConfigurations;
  try {
    await ifThere(client.delete(resource, ref, { uid }, { signal }));
    return true;
  } catch (error) {
    if (error instanceof KubeApiError && error.status === 409) return false;
    throw error;
  }
}

async function detach(
  client: Client,
  { ref, secretNames }: Extract<Leftover, { kind: 'ServiceAccount' }>,
  signal: AbortSignal,
): Promise<boolean> {
  let isDetached = true;
  const writer = new ServiceAccountWriter({
    client: {
      get: (resource, which, options) => client.get(resource, which, { ...options, signal }),
      jsonPatch: (resource, which, operations, options) =>
        client.jsonPatch(resource, which, operations, { ...options, signal }),
    },
    serviceAccounts: {
      // A webhook that still answers may have put back what the patch took away.
      observe: ({ imagePullSecrets }: ServiceAccount) => {
        isDetached = !secretNames.some((name) => references(imagePullSecrets, name));
      },
    },
    reachedByWebhook: () => false,
    onPatched: () => undefined,
  });
  await writer.detach(ref, secretNames);
  return isDetached;
}
