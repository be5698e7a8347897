import type { Secret } from '../../src/kube/objects.ts';
import type { CloudEmulator } from '../sandbox/cloud/cloud-emulator.ts';

export const PULL_SECRET = 'acr-credential-secret-aggregation';

/** What kubelet reads of a pull Secret, by domain. */
export type Logins = Record<string, { username: string; password: string; auth: string }>;

/** @throws when the Secret is none that kubelet could use. */
export function loginsOf({ type, data = {} }: Secret): Logins {
  if (type !== 'kubernetes.io/dockerconfigjson') throw new Error(`a Secret of type ${type ?? 'none'}`);
  const text = Buffer.from(data['.dockerconfigjson'] ?? '', 'base64').toString();
  return (JSON.parse(text) as { auths: Logins }).auths;
}

/** Would every registry let in whoever comes with this Secret, now? */
export function isLive(secret: Secret, cloud: CloudEmulator): boolean {
  const logins = Object.values(loginsOf(secret));
  return (
    logins.length > 0 && logins.every((login) => isConsistent(login) && cloud.isLive(login.username, login.password))
  );
}

function isConsistent({ username, password, auth }: Logins[string]): boolean {
  return Buffer.from(auth, 'base64').toString() === `${username}:${password}`;
}
