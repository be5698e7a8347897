import type { LabelSelector } from '../../../src/kube/objects.ts';
import { asMap, isMap } from './api-object.ts';
import type { ApiObject } from './api-object.ts';
import type { ApiResource } from './api-resources.ts';
import { badRequest } from './status-error.ts';

export type Labels = Readonly<Record<string, string>>;
export type LabelMatcher = (labels: Labels) => boolean;
export type ObjectMatcher = (object: ApiObject) => boolean;

type Requirement = (labels: Labels) => boolean;

/** A label selector as it stands in a URL: `a=b,c!=d,e in (f,g),h notin (i),j,!k`. */
export function parseLabelSelector(text: string): LabelMatcher {
  const requirements = splitOutsideParentheses(text).map(parseRequirement);
  return (labels) => requirements.every((holds) => holds(labels));
}

function splitOutsideParentheses(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function parseRequirement(text: string): Requirement {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(text);
  if (set)
    return setRequirement(
      set[1] ?? '',
      set[2] === 'in',
      (set[3] ?? '').split(',').map((each) => each.trim()),
    );
  const comparison = /^([^\s=!]+)\s*(==|=|!=)\s*([^\s=!]*)$/.exec(text);
  if (comparison) return setRequirement(comparison[1] ?? '', comparison[2] !== '!=', [comparison[3] ?? '']);
  const existence = /^(!?)\s*([^\s=!(),]+)$/.exec(text);
  if (!existence) throw badRequest(`unable to parse requirement: ${text}`);
  const [, not, key = ''] = existence;
  return (labels) => key in labels === (not === '');
}

function setRequirement(key: string, wanted: boolean, values: string[]): Requirement {
  return (labels) => {
    const value = labels[key];
    return (value !== undefined && values.includes(value)) === wanted;
  };
}

/** A `LabelSelector` object, of a webhook for instance; none, and an empty one, match everything. */
export function matchesLabelSelector(selector: LabelSelector | undefined, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  const equal = Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
  return equal && matchExpressions.every((each) => expressionHolds(each, labels));
}

type Expression = NonNullable<LabelSelector['matchExpressions']>[number];

function expressionHolds({ key, operator, values = [] }: Expression, labels: Labels): boolean {
  switch (operator) {
    case 'In':
      return setRequirement(key, true, values)(labels);
    case 'NotIn':
      return setRequirement(key, false, values)(labels);
    case 'Exists':
      return key in labels;
    case 'DoesNotExist':
      return !(key in labels);
  }
}

const fieldsByPlural: Record<string, string[]> = {
  events: [
    ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map(
      (field) => `involvedObject.${field}`,
    ),
    'reason',
    'type',
    'source',
    'reportingComponent',
  ],
  pods: ['spec.nodeName', 'spec.restartPolicy', 'spec.serviceAccountName', 'status.phase'],
  namespaces: ['status.phase'],
  secrets: ['type'],
};

/** A field selector as it stands in a URL: `metadata.name=a,type!=b`; a field that the resource does not offer is a 400. */
export function parseFieldSelector(resource: ApiResource, text: string): ObjectMatcher {
  const known = ['metadata.name', 'metadata.namespace', ...(fieldsByPlural[resource.plural] ?? [])];
  const terms = text.split(',').filter((term) => term !== '');
  const matchers = terms.map((term) => {
    const match = /^([^=!]+)(==|=|!=)(.*)$/.exec(term);
    const [, field = term, operator, value = ''] = match ?? [];
    if (!match || !known.includes(field)) throw badRequest(`field label not supported: ${field}`);
    return (object: ApiObject) => (fieldOf(object, field) === value) === (operator !== '!=');
  });
  return (object) => matchers.every((matches) => matches(object));
}

function fieldOf(object: ApiObject, field: string): string {
  if (field === 'source') return fieldOf(object, 'source.component');
  const value = field.split('.').reduce<unknown>((at, key) => (isMap(at) ? at[key] : undefined), object);
  return typeof value === 'string' ? value : '';
}

export interface Selectors {
  labelSelector?: string;
  fieldSelector?: string;
}

/** Both selectors of a request as one matcher; undefined when it has none. */
export function parseSelectors(resource: ApiResource, selectors: Selectors): ObjectMatcher | undefined {
  const { labelSelector, fieldSelector } = selectors;
  if (!labelSelector && !fieldSelector) return undefined;
  const byLabel = parseLabelSelector(labelSelector ?? '');
  const byField = parseFieldSelector(resource, fieldSelector ?? '');
  return (object) => byField(object) && byLabel(labelsOf(object));
}

export function labelsOf(object: ApiObject | undefined): Labels {
  return asMap(object?.metadata.labels) as Labels;
}
