import type { KubeEvent } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from './eventually.ts';
import { PROMISED_MS, type TestBed } from './test-bed.ts';

/** The Events of this reason about the ConfigMap, so far. */
export async function configEvents(bed: TestBed, reason: string): Promise<KubeEvent[]> {
  const { items } = await bed.client.list<KubeEvent>(resources.events, { namespace: bed.ownNamespace });
  return items.filter((event) => event.reason === reason && event.involvedObject.kind === 'ConfigMap');
}

/** Resolves to the message of such an Event, once there is one that says this. */
export function configEventSaying(bed: TestBed, reason: string, text: RegExp): Promise<KubeEvent> {
  return eventually(async () => (await configEvents(bed, reason)).find(({ message }) => text.test(message)), {
    withinMs: PROMISED_MS,
  });
}
