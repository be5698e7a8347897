import { randomBytes } from 'node:crypto';
import { CloudRefusal } from './cloud-request.ts';

export interface AccessKeyPair {
  accessKeyId: string;
  accessKeySecret: string;
}

export interface EmulatedAccount extends AccessKeyPair {
  /** The account's UID; keys given the same one belong to the same account. Default: one account for all. */
  accountId?: string;
  /** A root account's key cannot assume a role. */
  root?: boolean;
}

export interface EmulatedRole {
  /** `acs:ram::<uid>:role/<name>`: sessions act for that account. */
  arn: string;
  /** With it, the role can be assumed by a token of that provider. */
  oidcProviderArn?: string;
  /** The token's `sub` that the trust policy names; absent: any. */
  subject?: string;
  maxSessionSeconds?: number;
  /** The accounts whose identities the trust policy lets assume the role; absent: every one. */
  trusts?: string[];
}

export interface EmulatedSession extends AccessKeyPair {
  securityToken: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  accountId: string;
}

/** Whose request it is, once its signature is checked. */
export interface Principal {
  accessKeyId: string;
  accountId: string;
  root: boolean;
  /** Of the session that signed; Infinity for an AccessKey pair. */
  expiresAt: number;
}

export const defaultAccountId = '1000000000000001';

/** The AccessKeys, roles and sessions that the emulator knows, and every secret that ever belonged to one. */
export class IdentityStore {
  readonly #keys = new Map<string, Required<EmulatedAccount>>();
  readonly #sessions = new Map<string, EmulatedSession>();
  readonly #roles = new Map<string, EmulatedRole>();
  readonly #secrets: Set<string>;

  constructor(secrets: Set<string>) {
    this.#secrets = secrets;
  }

  addAccount(account: EmulatedAccount): void {
    this.#keys.set(account.accessKeyId, { accountId: defaultAccountId, root: false, ...account });
    this.#secrets.add(account.accessKeySecret);
  }

  /** A fresh pair for the same account; the old one is gone. */
  rotate(accessKeyId: string): AccessKeyPair {
    const account = this.#keys.get(accessKeyId);
    if (account === undefined) throw new Error(`no such AccessKey: ${accessKeyId}`);
    const pair = { accessKeyId: `LTAI${randomBytes(10).toString('hex')}`, accessKeySecret: newSecret('secret') };
    this.addAccount({ ...account, ...pair });
    this.revoke(accessKeyId);
    return pair;
  }

  revoke(accessKeyId: string): void {
    this.#keys.delete(accessKeyId);
    this.#sessions.delete(accessKeyId);
  }

  addRole(role: EmulatedRole): void {
    this.#roles.set(role.arn, role);
  }

  role(arn: string): EmulatedRole {
    const role = this.#roles.get(arn);
    if (role === undefined) throw new CloudRefusal(404, 'EntityNotExist.Role', 'The specified Role not exists.');
    return role;
  }

  openSession(accountId: string, expiresAt: number): EmulatedSession {
    const session = {
      accessKeyId: `STS.${randomBytes(10).toString('hex')}`,
      accessKeySecret: newSecret('session-secret'),
      securityToken: newSecret('security-token'),
      expiresAt,
      accountId,
    };
    this.#sessions.set(session.accessKeyId, session);
    this.#secrets.add(session.accessKeySecret).add(session.securityToken);
    return session;
  }

  /** The secret that a request by this key must be signed with. */
  secretOf(accessKeyId: string): string {
    const known = this.#keys.get(accessKeyId) ?? this.#sessions.get(accessKeyId);
    if (known === undefined) {
      throw new CloudRefusal(404, 'InvalidAccessKeyId.NotFound', 'Specified access key is not found.');
    }
    return known.accessKeySecret;
  }

  /** Whom the key stands for; `securityToken` is the empty string when the request carries none. */
  principal(accessKeyId: string, securityToken: string, now: number): Principal {
    const key = this.#keys.get(accessKeyId);
    if (key !== undefined) return { accessKeyId, accountId: key.accountId, root: key.root, expiresAt: Infinity };
    const session = this.#sessions.get(accessKeyId);
    if (securityToken === '') {
      throw new CloudRefusal(400, 'MissingSecurityToken', 'SecurityToken is mandatory for this action.');
    }
    if (session?.securityToken !== securityToken) {
      throw new CloudRefusal(400, 'InvalidSecurityToken.Malformed', 'The specified SecurityToken is malformed.');
    }
    if (now >= session.expiresAt) {
      throw new CloudRefusal(400, 'InvalidSecurityToken.Expired', 'Specified SecurityToken is expired.');
    }
    return { accessKeyId, accountId: session.accountId, root: false, expiresAt: session.expiresAt };
  }
}

/** Random, and recognisable in a log. */
export function newSecret(kind: string): string {
  return `emulated-${kind}-${randomBytes(18).toString('hex')}`;
}
