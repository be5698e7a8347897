import { isDeepStrictEqual } from 'node:util';
import type { JsonPatchOperation } from '../kube/kube-client.ts';
import type { MutatingWebhook, MutatingWebhookConfiguration } from '../kube/objects.ts';

/** Is the stored registration as wanted? What the API server adds by itself is no difference; an entry too many is. */
export function isAsWanted(stored: MutatingWebhookConfiguration, wanted: MutatingWebhookConfiguration): boolean {
  const { webhooks = [], metadata } = stored;
  const { webhooks: wantedWebhooks = [] } = wanted;
  return (
    contains(webhooks, wantedWebhooks) &&
    webhooks.every((webhook, index) => restrictions(webhook) === restrictions(wantedWebhooks[index] ?? webhook)) &&
    contains(metadata, { labels: wanted.metadata.labels, ownerReferences: wanted.metadata.ownerReferences })
  );
}

/** How many conditions a request has to meet; those that we want are compared one by one, so that more are somebody else's. */
function restrictions({ matchConditions = [], namespaceSelector, objectSelector }: MutatingWebhook): number {
  const selectors = [namespaceSelector, objectSelector].map(
    ({ matchExpressions = [], matchLabels = {} } = {}) => matchExpressions.length + Object.keys(matchLabels).length,
  );
  return selectors.reduce((sum, count) => sum + count, matchConditions.length);
}

/** Did the API server store it without the conditions, which it knows nothing of? */
export function lacksConditions(stored: MutatingWebhookConfiguration, wanted: MutatingWebhookConfiguration): boolean {
  const conditionsOf = ({ webhooks = [] }: MutatingWebhookConfiguration) =>
    webhooks.some(({ matchConditions = [] }) => matchConditions.length > 0);
  return conditionsOf(wanted) && !conditionsOf(stored);
}

/** Everything anew in one step, so that entries which somebody added go, too. */
export function repairPatch(
  stored: MutatingWebhookConfiguration,
  wanted: MutatingWebhookConfiguration,
): JsonPatchOperation[] {
  const { resourceVersion, labels, ownerReferences } = stored.metadata;
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    { op: 'add', path: '/metadata/labels', value: { ...labels, ...wanted.metadata.labels } },
    { op: 'add', path: '/metadata/ownerReferences', value: wanted.metadata.ownerReferences ?? ownerReferences ?? [] },
    { op: 'add', path: '/webhooks', value: wanted.webhooks },
  ];
}

function contains(stored: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(stored) && stored.length === wanted.length && wanted.every((item, i) => contains(stored[i], item))
    );
  }
  if (wanted === undefined) return true;
  if (typeof wanted !== 'object' || wanted === null) return isDeepStrictEqual(stored, wanted);
  if (typeof stored !== 'object' || stored === null) return false;
  return Object.entries(wanted).every(([key, value]) => contains((stored as Record<string, unknown>)[key], value));
}
