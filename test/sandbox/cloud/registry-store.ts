import { newSecret, type Principal } from './identity-store.ts';

export interface EmulatedEndpoint {
  type: 'internet' | 'vpc';
  /** Default: true. */
  enabled?: boolean;
  domains: { domain: string; type: 'SYSTEM' | 'USER' }[];
}

export interface EmulatedInstance {
  instanceId: string;
  regionId: string;
  /** Part of the default domains. */
  name: string;
  /** The owning account; absent: every account sees it. */
  accountId?: string;
  /** Default: the public and the VPC endpoint with the domain that the name gives each. */
  endpoints?: EmulatedEndpoint[];
  /** Custom domains, beside those of the public endpoint. */
  userDomains?: string[];
}

/** A registry token as it was handed out. */
export interface IssuedToken {
  username: string;
  password: string;
  /** Absent: Personal Edition. */
  instanceId?: string;
  regionId: string;
  accountId: string;
  /** Who asked. */
  accessKeyId: string;
  /** Milliseconds since the epoch. */
  issuedAt: number;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** The instances, and every registry token that was ever issued for one. */
export class RegistryStore {
  readonly issuedTokens: IssuedToken[] = [];
  readonly #instances = new Map<string, EmulatedInstance>();
  readonly #personal = new Map<string, string | undefined>();
  readonly #secrets: Set<string>;

  constructor(secrets: Set<string>) {
    this.#secrets = secrets;
  }

  addInstance(instance: EmulatedInstance): void {
    this.#instances.set(instance.instanceId, instance);
  }

  removeInstance(instanceId: string): void {
    this.#instances.delete(instanceId);
  }

  /** From now on there is a Personal instance in the region, of `accountId` or of every account. */
  addPersonal(regionId: string, accountId?: string): void {
    this.#personal.set(regionId, accountId);
  }

  removePersonal(regionId: string): void {
    this.#personal.delete(regionId);
  }

  /** The instances that the account may see. */
  instances(accountId: string): EmulatedInstance[] {
    return [...this.#instances.values()].filter((instance) => (instance.accountId ?? accountId) === accountId);
  }

  /** The region of the account's Personal instance: the one that was asked, or the first when the host names none. */
  personalRegion(accountId: string, regionId: string | undefined): string | undefined {
    const regions = [...this.#personal].filter(([, owner]) => (owner ?? accountId) === accountId);
    return regions.map(([region]) => region).find((region) => (regionId ?? region) === region);
  }

  /** A token that dies with the session which asked for it. */
  issue(
    principal: Principal,
    registry: { instanceId?: string; regionId: string },
    life: { now: number; lifeMs: number },
  ): IssuedToken {
    const token: IssuedToken = {
      username: 'cr_temp_user',
      password: newSecret('registry-password'),
      ...registry,
      accountId: principal.accountId,
      accessKeyId: principal.accessKeyId,
      issuedAt: life.now,
      expiresAt: Math.min(life.now + life.lifeMs, principal.expiresAt),
    };
    this.issuedTokens.push(token);
    this.#secrets.add(token.password);
    this.#secrets.add(Buffer.from(`${token.username}:${token.password}`).toString('base64'));
    return token;
  }

  endTokens(accessKeyId: string, now: number): void {
    const tokens = this.issuedTokens.filter((token) => token.accessKeyId === accessKeyId);
    for (const token of tokens) token.expiresAt = Math.min(token.expiresAt, now);
  }

  liveToken(username: string, password: string, now: number): IssuedToken | undefined {
    return this.issuedTokens.find(
      (token) => token.username === username && token.password === password && now < token.expiresAt,
    );
  }
}

export function endpointsOf(instance: EmulatedInstance): EmulatedEndpoint[] {
  const { name, regionId } = instance;
  const system = (label: string) => ({
    domain: `${name}-${label}.${regionId}.cr.aliyuncs.com`,
    type: 'SYSTEM' as const,
  });
  const endpoints = instance.endpoints ?? [
    { type: 'internet', domains: [system('registry')] },
    { type: 'vpc', domains: [system('registry-vpc')] },
  ];
  const custom = (instance.userDomains ?? []).map((domain) => ({ domain, type: 'USER' as const }));
  return endpoints.map((endpoint) =>
    endpoint.type === 'internet' ? { ...endpoint, domains: [...endpoint.domains, ...custom] } : endpoint,
  );
}
