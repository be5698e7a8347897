import type { RegistryCredential } from './registry-credential.ts';

/**
 * The content of a `kubernetes.io/dockerconfigjson` Secret: every domain of every credential, each domain by the first
 * credential that has it. The same credentials give the same bytes, whatever the order of their domains.
 * Source: https://kubernetes.io/docs/tasks/configure-pod-container/pull-image-private-registry/
 */
export function dockerConfigJson(
  credentials: readonly Pick<RegistryCredential, 'username' | 'password' | 'domains'>[],
): string {
  const auths = new Map<string, object>();
  for (const { username, password, domains } of credentials) {
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    for (const domain of domains) if (!auths.has(domain)) auths.set(domain, { username, password, auth });
  }
  const sorted = [...auths].sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify({ auths: Object.fromEntries(sorted) });
}
