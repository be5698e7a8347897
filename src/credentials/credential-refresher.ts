import { isDeepStrictEqual } from 'node:util';
import { backOffMs } from '../back-off.ts';
import type { Clock } from '../clock.ts';
import type { RegistryEntry } from '../config/config.ts';
import { CodedError } from '../errors.ts';
import { credentialIdOf } from './credential-id.ts';
import { hasDomains, type CredentialFetcher } from './credential-fetcher.ts';
import { idleMs, refreshReason, renewAt, sessionNeededUntil } from './refresh-policy.ts';
import type { RefreshReason, StoredCredential } from './refresh-policy.ts';
import { credentialOf, type TokensState } from './tokens-secret.ts';
import type { TokensStore } from './tokens-store.ts';

export interface RefresherOptions {
  fetcher: Pick<CredentialFetcher, 'prepare' | 'fetch'>;
  store: Pick<TokensStore, 'current' | 'update'>;
  clock: Clock;
  onRenewed: (registry: string, reason: RefreshReason, credential: StoredCredential) => void;
  onFailure: (registry: string, error: unknown, retryInMs: number) => void;
  random?: () => number;
}

/** What the refresher is configured with. */
export interface RefreshPlan {
  registries: readonly RegistryEntry[];
  expiringThresholdMs: number;
}

/** A clock that was set, or a machine that slept, moves what is due: nothing is slept through for longer than this. */
const LOOK_AGAIN_MS = 30_000;

/** After so many failures nobody waits for an entry's first token any longer. */
const PATIENCE_TRIES = 3;

/** Why an entry has no new credential, for people. */
export interface RefreshFailure {
  code: string;
  message: string;
  /** ISO 8601. */
  since: string;
  nextTryAt: string;
}

interface Loop {
  entry: RegistryEntry;
  thresholdMs: number;
  failures: number;
  isSettled: boolean;
  /** Is it to answer for the first time since the configuration has it ask as somebody else? */
  isReplaced: boolean;
  failure?: RefreshFailure;
  stop: AbortController;
  wake: AbortController;
}

/**
 * Keeps the credential of every registry entry current in the tokens Secret. Each entry has a loop of its own: a failing
 * registry delays no other, and no entry is asked for twice at once.
 */
export class CredentialRefresher {
  readonly #options: RefresherOptions;
  readonly #loops = new Map<string, Loop>();
  readonly #listeners = new Set<() => void>();
  #plan: RefreshPlan | undefined;
  #signal: AbortSignal | undefined;

  constructor(options: RefresherOptions) {
    this.#options = options;
  }

  /** Begins refreshing; until `signal` fires. */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    signal.addEventListener('abort', () => {
      for (const loop of this.#loops.values()) loop.stop.abort();
      this.#loops.clear();
    });
    this.#arrange();
  }

  /** Takes over a configuration: entries that stay as they were are left in peace. */
  configure(plan: RefreshPlan): void {
    this.#plan = plan;
    this.#arrange();
  }

  /** The tokens Secret changed: entries that it holds nothing for, and that do not fail already, ask at once. */
  fillGaps(): void {
    for (const loop of this.#loops.values()) {
      const isMissing = credentialOf(this.#options.store.current, loop.entry) === undefined;
      if (isMissing && loop.failures === 0) loop.wake.abort();
    }
  }

  /** The identity changed: every entry looks again whether it is current. */
  reconsider(): void {
    for (const loop of this.#loops.values()) wake(loop);
  }

  /** Has the entry got a token since the start, or was that tried often enough? */
  isSettled(key: string): boolean {
    return this.#loops.get(key)?.isSettled ?? false;
  }

  /** Is the entry asked for as somebody else since it was last settled, so that the token it had may yet get a successor? */
  awaitsSuccessor(key: string): boolean {
    return this.#loops.get(key)?.isReplaced ?? false;
  }

  /** Told of every entry that becomes settled. */
  onSettled(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** By entry, those that fail at the moment. */
  get failures(): ReadonlyMap<string, RefreshFailure> {
    const failing = [...this.#loops].flatMap(([key, { failure }]) => (failure ? [[key, failure] as const] : []));
    return new Map(failing);
  }

  #arrange(): void {
    const signal = this.#signal;
    if (!this.#plan || !signal || signal.aborted) return;
    const wanted = new Map(this.#plan.registries.map((entry) => [entry.key, entry]));
    for (const [key, loop] of this.#loops) {
      if (wanted.has(key)) continue;
      loop.stop.abort();
      this.#loops.delete(key);
    }
    for (const entry of wanted.values()) this.#arrangeEntry(entry, this.#plan.expiringThresholdMs);
    this.#dropUnlisted(signal);
  }

  #arrangeEntry(entry: RegistryEntry, thresholdMs: number): void {
    const loop = this.#loops.get(entry.key);
    if (!loop) {
      const created: Loop = {
        entry,
        thresholdMs,
        failures: 0,
        isSettled: false,
        isReplaced: false,
        stop: new AbortController(),
        wake: new AbortController(),
      };
      this.#loops.set(entry.key, created);
      void this.#keepCurrent(created, created.stop.signal);
    } else if (loop.thresholdMs !== thresholdMs || !isDeepStrictEqual(loop.entry, entry)) {
      const isReplaced = credentialIdOf(loop.entry) !== credentialIdOf(entry);
      Object.assign(loop, { entry, thresholdMs, ...(isReplaced && { isReplaced, isSettled: false }) });
      wake(loop);
    }
  }

  async #keepCurrent(loop: Loop, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      loop.wake = new AbortController();
      const waitMs = await this.#step(loop, signal);
      await this.#options.clock.sleep(waitMs, AbortSignal.any([signal, loop.wake.signal])).catch(() => undefined);
    }
  }

  /** Renews the credential if that is due. @returns for how long nothing is to be done, in milliseconds. */
  async #step(loop: Loop, signal: AbortSignal): Promise<number> {
    const { clock } = this.#options;
    const { entry, thresholdMs } = loop;
    try {
      const credential = await this.#renewIfDue(entry, thresholdMs, signal);
      loop.failures = 0;
      delete loop.failure;
      this.#settle(loop);
      const idle = idleMs(credential, thresholdMs, clock.now());
      // To look again costs nothing before the credential is due.
      return renewAt(credential, thresholdMs) > clock.now() ? Math.min(idle, LOOK_AGAIN_MS) : idle;
    } catch (error) {
      if (signal.aborted) return 0;
      loop.failures += 1;
      const askedForMs = error instanceof CodedError ? error.retryAfterMs : undefined;
      const retryInMs = askedForMs ?? backOffMs(loop.failures, { baseMs: 1_000, capMs: 60_000 }, this.#options.random);
      this.#note(loop, error, retryInMs);
      this.#options.onFailure(entry.key, error, retryInMs);
      if (loop.failures >= PATIENCE_TRIES) this.#settle(loop);
      return retryInMs;
    }
  }

  #settle(loop: Loop): void {
    if (loop.isSettled) return;
    Object.assign(loop, { isSettled: true, isReplaced: false });
    for (const listener of this.#listeners) listener();
  }

  #note(loop: Loop, error: unknown, retryInMs: number): void {
    const now = this.#options.clock.now();
    const { code, message } = error instanceof CodedError ? error : { code: 'Error', message: "see the service's log" };
    const { since = new Date(now).toISOString() } = loop.failure ?? {};
    loop.failure = { code, message, since, nextTryAt: new Date(now + retryInMs).toISOString() };
  }

  async #renewIfDue(entry: RegistryEntry, thresholdMs: number, signal: AbortSignal): Promise<StoredCredential> {
    const { fetcher, store, clock, onRenewed } = this.#options;
    const request = await fetcher.prepare(entry, sessionNeededUntil(thresholdMs, clock.now()), signal);
    const current = credentialOf(store.current, entry);
    const usable = current && hasDomains(current, entry) ? current : undefined;
    const reason = refreshReason({ credential: usable, source: request.source, thresholdMs }, clock.now());
    if (!reason && current) return current;
    const credential = await fetcher.fetch(request, current, signal);
    if (credential === current) return current;
    if (credential.expiresAt <= clock.now()) throw expiredOnArrival();
    const id = credentialIdOf(entry);
    const add = (stored: TokensState) => ({
      ...stored.credentials,
      [id]: withListing(credential, credentialOf(stored, entry)),
    });
    await store.update((stored) => ({ credentials: add(stored) }), signal);
    onRenewed(entry.key, reason ?? 'Missing', credential);
    return credential;
  }

  /** Drops the credentials that serve no entry of the configuration when that is written: one may serve again. */
  #dropUnlisted(signal: AbortSignal): void {
    const { store } = this.#options;
    const listed = ({ credentials }: TokensState) => {
      const ids = new Set([...this.#loops.values()].map(({ entry }) => credentialIdOf(entry)));
      return Object.entries(credentials).filter(([id]) => ids.has(id));
    };
    if (listed(store.current).length === Object.keys(store.current.credentials).length) return;
    store.update((stored) => ({ credentials: Object.fromEntries(listed(stored)) }), signal).catch(() => undefined); // only a stop ends the tries, and what is left is dropped at the next start
  }
}

/** An entry that says its domains does not ask for them; another that shares the credential may have. */
function withListing(credential: StoredCredential, stored: StoredCredential | undefined): StoredCredential {
  if (!stored || stored.domainsListedAt <= credential.domainsListedAt) return credential;
  return { ...credential, domains: stored.domains, domainsListedAt: stored.domainsListedAt };
}

function expiredOnArrival(): CodedError {
  const message = "the token had expired when it came; compare this node's clock";
  return new CodedError(message, { code: 'ExpiredToken', retryable: true });
}

/** A mended configuration or identity deserves a try at once, and small waits again. */
function wake(loop: Loop): void {
  loop.failures = 0;
  loop.wake.abort();
}
