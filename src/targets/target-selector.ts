import type { Config, NamePattern } from '../config/config.ts';
import { matchesGlob } from '../glob.ts';
import type { Namespace, ObjectMeta } from '../kube/objects.ts';
import { isMeantFor } from './registry-scope.ts';

/** With the value `false` on a namespace, ServiceAccount or Pod: leave it alone. */
export const OPT_OUT_LABEL = 'acr-credential-injector/inject';

/** What a configuration says of the namespaces and ServiceAccounts that it selects. */
export type TargetRules = Pick<
  Config,
  'watchNamespaces' | 'excludeNamespaces' | 'serviceAccounts' | 'registries' | 'extraAuths'
>;

/** What is kept in memory of a namespace: an object of its own for each state of each. */
export interface ObservedNamespace {
  readonly resourceVersion: string;
  readonly terminating: boolean;
  readonly optedOut: boolean;
}

export function observeNamespace(namespace: Namespace): ObservedNamespace {
  const { metadata, status } = namespace;
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    terminating: metadata.deletionTimestamp !== undefined || status?.phase === 'Terminating',
    optedOut: isOptedOut(metadata),
  };
}

export function isOptedOut({ labels }: Pick<ObjectMeta, 'labels'>): boolean {
  return labels?.[OPT_OUT_LABEL] === 'false';
}

/** Does the namespace get a pull Secret? A terminating one is still selected; nothing can be written there any more. */
export function selectsNamespace(rules: TargetRules, name: string, observed: ObservedNamespace | undefined): boolean {
  if (observed?.optedOut || !matches(rules.watchNamespaces, name)) return false;
  return !rules.excludeNamespaces.some((glob) => matchesGlob(glob, name)) && hasSomethingFor(rules, name);
}

/** Where no registry is meant for the namespace, and nothing static is to be had, a pull Secret would be empty. */
function hasSomethingFor({ registries, extraAuths }: TargetRules, namespace: string): boolean {
  return extraAuths.length > 0 || registries.some((entry) => isMeantFor(entry, namespace));
}

/** Does a ServiceAccount of that name, in a selected namespace, get the reference? */
export function selectsServiceAccount(rules: TargetRules, name: string): boolean {
  return matches(rules.serviceAccounts, name);
}

function matches(pattern: NamePattern, name: string): boolean {
  return pattern === 'all' || pattern.includes(name);
}
