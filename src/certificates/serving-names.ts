export interface ServerAddress {
  /** The Service through which the API server calls. */
  service: string;
  /** The Service's namespace. */
  namespace: string;
  /** The URL that it calls instead, for a server outside the cluster. */
  webhookUrl?: string;
}

/**
 * The DNS names and IP addresses that the serving certificate must be good for.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#service-reference
 */
export function servingNames({ service, namespace, webhookUrl }: ServerAddress): string[] {
  const local = `${service}.${namespace}.svc`;
  const names = [local, `${local}.cluster.local`, `${service}.${namespace}`, service];
  if (webhookUrl) names.unshift(new URL(webhookUrl).hostname.replace(/^\[(.*)\]$/, '$1'));
  return [...new Set(names)];
}
