import type { LoggedRequest } from '../sandbox/api-server/request-log.ts';
import type { PolicyRule, Rendered } from './render-chart.ts';

/** One verb that a role grants. */
export interface Right {
  /** Empty: in every namespace, and for what is in none. */
  namespace: string;
  verb: string;
  rule: PolicyRule;
}

/** What RBAC asks about a request: one for each right that it needs. */
export interface Demand {
  namespace: string;
  verb: string;
  group: string;
  resource: string;
  name: string;
  path: string;
}

/** Every right of the rendered roles. */
export function rightsOf(objects: readonly Rendered[]): Right[] {
  return objects.flatMap(({ metadata: { namespace = '' }, rules = [] }) =>
    rules.flatMap((rule) => rule.verbs.map((verb) => ({ namespace, verb, rule }))),
  );
}

/** What the API server asks RBAC about a request. Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/ */
function demandsOf(request: LoggedRequest): Demand[] {
  const { resource, path, contentType, status } = request;
  const [, , group = ''] = path.startsWith('/apis/') ? path.split('/') : [];
  const name = nameOf(request);
  // A single Namespace is in itself: a Role in it can grant to read it.
  const namespace = resource === 'namespaces' ? request.name : request.namespace;
  const demand = { namespace, group, resource, name, path, verb: request.verb || 'get' };
  const created = contentType === 'application/apply-patch+yaml' && status === 201;
  return created ? [demand, { ...demand, verb: 'create' }] : [demand];
}

/** A list or watch of one name is a question about that name. */
function nameOf({ name, query }: LoggedRequest): string {
  return name || (/^metadata\.name=(.+)$/.exec(query.fieldSelector ?? '')?.[1] ?? '');
}

/** Does the right, by the rules of RBAC, answer the demand? */
function grants({ namespace, verb, rule }: Right, demand: Demand): boolean {
  if (verb !== demand.verb) return false;
  if (demand.resource === '') return includes(rule.nonResourceURLs, demand.path);
  return (
    (namespace === '' || namespace === demand.namespace) &&
    includes(rule.apiGroups, demand.group) &&
    includes(rule.resources, demand.resource) &&
    (rule.resourceNames === undefined || includes(rule.resourceNames, demand.name))
  );
}

/** The requests that ask for more than is granted, each once. */
export function refusedOf(requests: readonly LoggedRequest[], rights: readonly Right[]): string[] {
  const refused = requests.flatMap(demandsOf).filter((demand) => !rights.some((right) => grants(right, demand)));
  return [...new Set(refused.map(({ verb, path, name }) => `${verb} ${path} ${name}`))];
}

/** The rights that no request makes use of. */
export function idleOf(requests: readonly LoggedRequest[], rights: readonly Right[]): string[] {
  const demands = requests.flatMap(demandsOf);
  const idle = rights.filter((right) => !demands.some((demand) => grants(right, demand)));
  return idle.map(({ verb, rule }) => `${verb} ${String(rule.resources)}`);
}

function includes(list: readonly string[] | undefined, text: string): boolean {
  return list?.includes(text) ?? false;
}
