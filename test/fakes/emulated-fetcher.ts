import type { RegistryEntry } from '../../src/config/config.ts';
import type { Clock } from '../../src/clock.ts';
import type { CredentialFetcher, CredentialRequest } from '../../src/credentials/credential-fetcher.ts';
import type { StoredCredential } from '../../src/credentials/refresh-policy.ts';
import type { CredentialsProvider } from '../../src/identity/credentials-provider.ts';

const unusedProvider: CredentialsProvider = {
  source: 'nobody',
  account: 'nobody',
  credentials: () => Promise.reject(new Error('nobody asks')),
  forget: () => undefined,
};

/** A registry service that gives a new token to each who asks, and can be made to fail or to take its time. */
export class EmulatedFetcher implements Pick<CredentialFetcher, 'prepare' | 'fetch'> {
  /** The keys of the entries, one for each call of the service. */
  readonly calls: string[] = [];
  /** Since when each was asked for at the same time as another of the same entry. */
  readonly doubled: string[] = [];
  /** Of each `prepare`, until when the identity has to live. */
  readonly liveUntil: number[] = [];
  tokenLifeMs: number;
  /** Nothing that it could give would live longer. */
  keepsPrevious = false;
  /** The account that answers; another one is another question. */
  account = 'account';
  beforePrepare: (entry: RegistryEntry) => Promise<void> = () => Promise.resolve();
  beforeAnswer: (entry: RegistryEntry, signal: AbortSignal) => Promise<void> = () => Promise.resolve();
  readonly #clock: Clock;
  readonly #asking = new Set<string>();

  constructor(clock: Clock, tokenLifeMs: number) {
    this.#clock = clock;
    this.tokenLifeMs = tokenLifeMs;
  }

  async prepare(entry: RegistryEntry, liveUntil: number): Promise<CredentialRequest> {
    this.liveUntil.push(liveUntil);
    await this.beforePrepare(entry);
    return {
      entry,
      target: { instanceId: entry.instanceId, regionId: entry.regionId ?? 'cn-hangzhou' },
      provider: unusedProvider,
      liveUntil,
      source: `${this.account} ${entry.instanceId ?? ''}`,
    };
  }

  async fetch(
    { entry, source }: CredentialRequest,
    previous: StoredCredential | undefined,
    signal: AbortSignal,
  ): Promise<StoredCredential> {
    this.calls.push(entry.key);
    if (this.keepsPrevious && previous) return previous;
    if (this.#asking.has(entry.key)) this.doubled.push(entry.key);
    this.#asking.add(entry.key);
    try {
      await this.beforeAnswer(entry, signal);
    } finally {
      this.#asking.delete(entry.key);
    }
    const now = this.#clock.now();
    return {
      username: 'user',
      password: `token-${this.calls.length}`,
      issuedAt: now,
      expiresAt: now + this.tokenLifeMs,
      ...(entry.domains.length > 0
        ? { domains: [], domainsListedAt: 0 }
        : { domains: [`${entry.key}.example.com`], domainsListedAt: now }),
      source,
    };
  }
}
