import { type CloudReply, type CloudRequest, headerOf } from './cloud-request.ts';
import { defaultAccountId, type EmulatedSession, type IdentityStore, newSecret } from './identity-store.ts';
import { credentialsOf } from './sts-actions.ts';

/** What the ECS instance is like that the emulator plays. */
export interface EmulatedNode {
  regionId: string;
  /** The RAM role of the instance; absent: none is attached. */
  roleName?: string;
  accountId: string;
  sessionLifeMs: number;
  /** How long before its end a session is replaced. */
  renewedBeforeMs: number;
  /** `required` refuses requests without a token, `absent` knows only version 1. */
  tokens: 'optional' | 'required' | 'absent';
}

const tokenHeader = 'x-aliyun-ecs-metadata-token';

/** The metadata service of an ECS instance: versions 1 and 2. */
export class MetadataService {
  node: EmulatedNode = {
    regionId: 'cn-hangzhou',
    accountId: defaultAccountId,
    sessionLifeMs: 6 * 3_600_000,
    renewedBeforeMs: 15 * 60_000,
    tokens: 'optional',
  };
  #session: EmulatedSession | undefined;
  readonly #tokens = new Map<string, number>();
  readonly #identities: IdentityStore;
  readonly #secrets: Set<string>;

  constructor(identities: IdentityStore, secrets: Set<string>) {
    this.#identities = identities;
    this.#secrets = secrets;
  }

  answer(request: CloudRequest, now: number): CloudReply {
    if (request.pathname === '/latest/api/token') return this.#issueToken(request, now);
    if (request.method !== 'GET') return { status: 405, body: '' };
    if (!this.#mayRead(headerOf(request, tokenHeader), now)) return { status: 403, body: '' };
    return this.#read(request.pathname, now);
  }

  #issueToken(request: CloudRequest, now: number): CloudReply {
    if (request.method !== 'PUT' || this.node.tokens === 'absent') return { status: 404, body: '' };
    const seconds = Number(headerOf(request, `${tokenHeader}-ttl-seconds`));
    if (!(seconds >= 1 && seconds <= 21_600)) return { status: 400, body: '' };
    const token = newSecret('metadata-token');
    this.#tokens.set(token, now + seconds * 1000);
    this.#secrets.add(token);
    return { status: 200, body: token };
  }

  #mayRead(token: string, now: number): boolean {
    if (token === '') return this.node.tokens !== 'required';
    return now < (this.#tokens.get(token) ?? 0);
  }

  #read(pathname: string, now: number): CloudReply {
    const { regionId, roleName } = this.node;
    const rolesPath = '/latest/meta-data/ram/security-credentials/';
    if (pathname === '/latest/meta-data/region-id') return { status: 200, body: regionId };
    if (roleName === undefined) return { status: 404, body: '' };
    if (pathname === rolesPath) return { status: 200, body: roleName };
    if (pathname !== `${rolesPath}${roleName}`) return { status: 404, body: '' };
    const session = this.#currentSession(now);
    const lastUpdated = `${new Date(now).toISOString().slice(0, 19)}Z`;
    return { status: 200, body: { ...credentialsOf(session), LastUpdated: lastUpdated, Code: 'Success' } };
  }

  /** The same for everybody who asks, until it is replaced. */
  #currentSession(now: number): EmulatedSession {
    const { accountId, sessionLifeMs, renewedBeforeMs } = this.node;
    if (!this.#session || this.#session.expiresAt - now <= renewedBeforeMs || this.#session.accountId !== accountId) {
      this.#session = this.#identities.openSession(accountId, now + sessionLifeMs);
    }
    return this.#session;
  }
}
