import type { Secret } from '../../src/kube/objects.ts';
import { loginsOf } from '../contract/pull-secret-check.ts';
import { tokensOf } from './controllers.ts';
import type { Surroundings } from './faults.ts';
import { SERVICE_USER } from './service-in-process.ts';

/**
 * Every login that the service wrote anywhere and that was empty, unknown to the cloud, or over when it was written. One that was
 * live when it came into the tokens Secret may stay there until another takes its place: with it stays what it opens.
 */
export function badLogins({ api, cloud }: Pick<Surroundings, 'api' | 'cloud'>): string[] {
  const issued = new Map(cloud.issuedTokens.map((token) => [token.password, token]));
  const stored = new Set<string>();
  return api.requests.writes({ resource: 'secrets', user: SERVICE_USER }).flatMap(({ body, at, namespace, name }) => {
    const data = dataOf(body);
    const isStore = 'state.json' in data;
    const isLive = (password: string) => (issued.get(password)?.expiresAt ?? 0) > at;
    const passwords = passwordsIn(data);
    if (isStore) for (const password of passwords.filter(isLive)) stored.add(password);
    const bad = passwords.filter((password) => !isLive(password) && !(isStore && stored.has(password)));
    return bad.map((password) => `${namespace}/${name}: ${issued.has(password) ? 'expired' : 'empty or unknown'}`);
  });
}

function dataOf(body: string): Record<string, string> {
  return body === '' ? {} : ((JSON.parse(body) as Partial<Secret>).data ?? {});
}

function passwordsIn(data: Record<string, string>): string[] {
  const secret: Secret = { metadata: {}, type: 'kubernetes.io/dockerconfigjson', data };
  if ('.dockerconfigjson' in data) return Object.values(loginsOf(secret)).map(({ password }) => password);
  if ('state.json' in data) return Object.values(tokensOf(secret).credentials).map(({ password }) => password);
  return [];
}
