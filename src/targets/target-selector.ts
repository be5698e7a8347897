import type { Config, NamePattern } from '../config/config.ts';
import type { Namespace, ObjectMeta } from '../kube/objects.ts';

/** With the value `false` on a namespace, ServiceAccount or Pod: leave it alone. */
export const OPT_OUT_LABEL = 'acr-credential-injector/inject';

/** The namespace and ServiceAccount names that a configuration selects. */
export type TargetRules = Pick<Config, 'watchNamespaces' | 'serviceAccounts'>;

/** What is kept in memory of a namespace. */
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
  return matches(rules.watchNamespaces, name) && !observed?.optedOut;
}

/** Does a ServiceAccount of that name, in a selected namespace, get the reference? */
export function selectsServiceAccount(rules: TargetRules, name: string): boolean {
  return matches(rules.serviceAccounts, name);
}

function matches(pattern: NamePattern, name: string): boolean {
  return pattern === 'all' || pattern.includes(name);
}
