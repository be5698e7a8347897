import type { LabelSelector, MutatingWebhook, MutatingWebhookConfiguration } from '../../src/kube/objects.ts';

/** A request as the API server compares it with the entries of a registration. */
export interface ComparedRequest {
  operation: 'CREATE' | 'UPDATE';
  resource: 'pods' | 'serviceaccounts';
  namespaceLabels: Readonly<Record<string, string>>;
  labels?: Readonly<Record<string, string>>;
}

/** The entries to which the API server would send the request, were it not for conditions. */
export function matchingEntries(
  { webhooks = [] }: MutatingWebhookConfiguration,
  { operation, resource, namespaceLabels, labels = {} }: ComparedRequest,
): MutatingWebhook[] {
  return webhooks.filter(
    ({ rules, namespaceSelector, objectSelector }) =>
      rules.some(({ resources, operations }) => resources.includes(resource) && operations.includes(operation)) &&
      selects(namespaceSelector, namespaceLabels) &&
      selects(objectSelector, labels),
  );
}

/** How the API server reads a label selector. */
export function selects(
  { matchExpressions = [] }: LabelSelector = {},
  labels: Readonly<Record<string, string>>,
): boolean {
  return matchExpressions.every(({ key, operator, values = [] }) => {
    const value = labels[key];
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value);
      case 'NotIn':
        return value === undefined || !values.includes(value);
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
    }
  });
}
