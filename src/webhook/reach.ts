import type { Config } from '../config/config.ts';
import { matchesGlob } from '../glob.ts';

/** Namespaces that a webhook must never be able to block. */
const SYSTEM_NAMESPACES = ['kube-system', 'kube-public', 'kube-node-lease'] as const;

/** `kubernetes.io/metadata.name` is on every namespace from 1.21 on; before it no selector can tell namespaces by name. */
const NAMES_NAMESPACES_SINCE_MINOR = 21;

/** What decides which namespaces' requests come to the webhook, and with which policy. */
export interface ReachContext {
  config: Pick<Config, 'watchNamespaces' | 'excludeNamespaces' | 'webhook'>;
  ownNamespace: string;
  /** The API server's minor version. */
  serverMinor: number;
}

export function isProtected(namespace: string, ownNamespace: string): boolean {
  return namespace === ownNamespace || SYSTEM_NAMESPACES.some((name) => name === namespace);
}

/** The protected namespaces, in a stable order. */
export function protectedNamespaces(ownNamespace: string): string[] {
  return [...new Set([...SYSTEM_NAMESPACES, ownNamespace])].sort();
}

export function canSelectByName({ serverMinor }: Pick<ReachContext, 'serverMinor'>): boolean {
  return serverMinor >= NAMES_NAMESPACES_SINCE_MINOR;
}

/** Does the configuration ask for a `Fail` that cannot be registered, because namespaces cannot be told by name? */
export function lowersFailurePolicy({ config, serverMinor }: Pick<ReachContext, 'config' | 'serverMinor'>): boolean {
  const { enabled, failurePolicy } = config.webhook;
  return enabled && failurePolicy === 'Fail' && !canSelectByName({ serverMinor });
}

/** The policy that the API server follows for a namespace's requests: `Fail` only where it cannot block the cluster itself. */
export function failurePolicyFor(namespace: string, context: ReachContext): 'Ignore' | 'Fail' {
  const { config, ownNamespace } = context;
  const isFail = config.webhook.failurePolicy === 'Fail' && canSelectByName(context);
  return isFail && !isProtected(namespace, ownNamespace) ? 'Fail' : 'Ignore';
}

/** Which namespaces' requests are to come to the webhook, by name. */
export type ReachedNamespaces =
  | { readonly names: readonly string[] }
  /** All but these. */
  | { readonly except: readonly string[] };

/** A selector knows no globs: of `exclude-namespace`, those that are plain names keep requests away from the webhook. */
export function reachedNamespaces({ config, ownNamespace }: ReachContext): ReachedNamespaces {
  const { watchNamespaces, excludeNamespaces } = config;
  if (watchNamespaces !== 'all') {
    const isExcluded = (name: string) => excludeNamespaces.some((glob) => matchesGlob(glob, name));
    return { names: watchNamespaces.filter((name) => !isExcluded(name)).sort() };
  }
  const plainNames = excludeNamespaces.filter((glob) => !glob.includes('*'));
  return { except: [...new Set([...protectedNamespaces(ownNamespace), ...plainNames])].sort() };
}

/** Do requests in that namespace come to the webhook, while it is registered? */
export function reaches(namespace: string, context: ReachContext): boolean {
  if (!context.config.webhook.enabled) return false;
  if (!canSelectByName(context)) return true;
  const reached = reachedNamespaces(context);
  return 'names' in reached ? reached.names.includes(namespace) : !reached.except.includes(namespace);
}
