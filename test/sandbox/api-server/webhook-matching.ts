import type { MutatingWebhook } from '../../../src/kube/objects.ts';
import type { AdmissionAttributes } from './admission-attributes.ts';
import { labelsOf, matchesLabelSelector } from './selectors.ts';
import type { Labels } from './selectors.ts';

type Rule = MutatingWebhook['rules'][number];

/** Is this webhook to be called? `namespaceLabels`: of the namespace that the object is in; undefined outside of one. */
export function webhookMatches(
  webhook: MutatingWebhook,
  attributes: AdmissionAttributes,
  namespaceLabels: Labels | undefined,
): boolean {
  return (
    webhook.rules.some((rule) => ruleMatches(rule, attributes)) &&
    (!namespaceLabels || matchesLabelSelector(webhook.namespaceSelector, namespaceLabels)) &&
    objectMatches(webhook, attributes)
  );
}

/** Old or new: an UPDATE that takes the label away is seen, too. */
function objectMatches({ objectSelector }: MutatingWebhook, { object, oldObject }: AdmissionAttributes): boolean {
  return [object, oldObject].some((each) => each && matchesLabelSelector(objectSelector, labelsOf(each)));
}

function ruleMatches(rule: Rule, { operation, resource, subresource }: AdmissionAttributes): boolean {
  const holds = (list: string[], value: string) => list.includes('*') || list.includes(value);
  const scope = resource.namespaced ? 'Namespaced' : 'Cluster';
  return (
    holds(rule.operations, operation) &&
    holds(rule.apiGroups, resource.group) &&
    holds(rule.apiVersions, resource.version) &&
    holds([rule.scope ?? '*'], scope) &&
    rule.resources.some((pattern) => resourceMatches(pattern, resource.plural, subresource))
  );
}

// A pattern is a resource, or resource/subresource; a star stands for any.
function resourceMatches(pattern: string, plural: string, subresource: string): boolean {
  const [resource = '', sub = ''] = pattern.split('/');
  return (resource === '*' || resource === plural) && (sub === '*' || sub === subresource);
}
