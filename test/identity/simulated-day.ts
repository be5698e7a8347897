import type { RegistryEntry } from '../../src/config/config.ts';
import { credentialIdOf } from '../../src/credentials/credential-id.ts';
import { CredentialFetcher } from '../../src/credentials/credential-fetcher.ts';
import { CredentialRefresher } from '../../src/credentials/credential-refresher.ts';
import type { StoredCredential } from '../../src/credentials/refresh-policy.ts';
import { emptyTokensState, type TokensState } from '../../src/credentials/tokens-secret.ts';
import type { TokensUpdate } from '../../src/credentials/tokens-store.ts';
import type { CredentialsProvider } from '../../src/identity/credentials-provider.ts';
import type { AcrClient } from '../../src/registry/acr-client.ts';
import type { ManualClock } from '../fakes/manual-clock.ts';

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** What a stretch of simulated time came to. */
export interface Day {
  /** Every credential that was stored, by entry, in order. */
  stored: Map<string, StoredCredential[]>;
  /** For how long, at the most, an entry was without a live credential after its first. */
  longestGapMs: number;
  failures: unknown[];
}

export interface DayOptions {
  clock: ManualClock;
  acr: AcrClient;
  providerFor: (entry: RegistryEntry) => CredentialsProvider;
  thresholdMs: number;
  /** Each entry starts so long after the one before. Default: one entry. */
  startsMs?: number[];
  /** Lets simulated time pass. @param day as it is so far. */
  pass: (ms: number, day: Day) => Promise<void>;
  lengthMs?: number;
  /** What the tokens Secret held before. */
  before?: Record<string, StoredCredential>;
}

/** Each has a credential of its own. */
export function entryOf(number: number): RegistryEntry {
  return { key: `entry-${number}`, instanceId: `cri-${number + 1}`, domains: ['registry.example.com'] };
}

/** The refresher and the fetcher as they run in the service, for a day, over a cloud that the caller supplies. */
export async function simulateDay(options: DayOptions): Promise<Day> {
  const { clock, acr, thresholdMs, startsMs = [0], lengthMs = dayMs, providerFor } = options;
  const pass = (ms: number) => options.pass(ms, day);
  const day: Day = { stored: new Map(), longestGapMs: 0, failures: [] };
  const stop = new AbortController();
  const registries: RegistryEntry[] = [];
  const refresher = new CredentialRefresher({
    fetcher: new CredentialFetcher({
      acr,
      providerFor,
      clusterRegion: () => Promise.resolve('cn-hangzhou'),
      clock,
      onStaleDomains: (_entry, error) => day.failures.push(error),
    }),
    store: memoryStore(options.before ?? {}, (id, credential) => {
      const entry = registries.find((each) => credentialIdOf(each) === id);
      note(day, entry?.key ?? id, credential);
    }),
    clock,
    onRenewed: () => undefined,
    onFailure: (_registry, error) => day.failures.push(error),
    random: () => 1,
  });
  const end = clock.now() + lengthMs;
  refresher.start(stop.signal);
  for (const startMs of startsMs) {
    await pass(startMs);
    registries.push(entryOf(registries.length));
    refresher.configure({ registries: [...registries], expiringThresholdMs: thresholdMs });
  }
  await pass(end - clock.now());
  for (const credentials of day.stored.values()) noteGap(day, credentials.at(-1), clock.now());
  stop.abort();
  return day;
}

function memoryStore(
  credentials: Record<string, StoredCredential>,
  onStored: (id: string, credential: StoredCredential) => void,
) {
  let current: TokensState = { ...emptyTokensState, credentials };
  return {
    get current() {
      return current;
    },
    update(update: TokensUpdate): Promise<void> {
      const before = current.credentials;
      current = { ...current, ...update(current) };
      for (const [id, credential] of Object.entries(current.credentials)) {
        if (before[id] !== credential) onStored(id, credential);
      }
      return Promise.resolve();
    },
  };
}

function note(day: Day, key: string, credential: StoredCredential): void {
  const credentials = day.stored.get(key) ?? [];
  noteGap(day, credentials.at(-1), credential.issuedAt);
  day.stored.set(key, [...credentials, credential]);
}

function noteGap(day: Day, last: StoredCredential | undefined, now: number): void {
  day.longestGapMs = Math.max(day.longestGapMs, last ? now - last.expiresAt : 0);
}
