import { isDeepStrictEqual } from 'node:util';
import { backOffMs } from '../back-off.ts';
import type { Clock } from '../clock.ts';
import type { Pause } from '../config/pause.ts';
import { KubeApiError } from '../errors.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { Secret } from '../kube/objects.ts';
import { Reflector } from '../kube/reflector.ts';
import { resources } from '../kube/resources.ts';
import {
  emptyTokensState,
  encodeTokensSecret,
  observeTokens,
  TOKENS_SECRET_NAME,
  type ObservedTokens,
  type TokensState,
} from './tokens-secret.ts';

export interface TokensStoreOptions {
  client: Pick<KubeClient, 'get' | 'list' | 'watch' | 'apply'>;
  clock: Clock;
  namespace: string;
  /** While it is on, updates wait. */
  pause?: Pick<Pause, 'isOn' | 'off'>;
  onWatchRestart?: (error: unknown) => void;
  onWriteFailure: (error: unknown, retryInMs: number) => void;
  /** A later version wrote the Secret in a schema of its own: what this one obtains stays in memory. */
  onNewerSchema?: () => void;
}

/** A change of the state; it may be applied again, to a newer state, when another replica wrote in between. */
export type TokensUpdate = (state: TokensState) => Pick<TokensState, 'credentials' | 'configuration'>;

/** Reads the tokens Secret by watching it, and writes it with its resourceVersion as a precondition. */
export class TokensStore {
  readonly #options: TokensStoreOptions;
  readonly #reflector: Reflector<Secret, ObservedTokens>;
  readonly #listeners = new Set<() => void>();
  #state = emptyTokensState;
  #pending: TokensUpdate[] = [];
  #writing: Promise<void> | undefined;

  constructor(options: TokensStoreOptions) {
    this.#options = options;
    this.#reflector = new Reflector<Secret, ObservedTokens>({
      client: options.client,
      clock: options.clock,
      resource: resources.secrets,
      namespace: options.namespace,
      fieldSelector: `metadata.name=${TOKENS_SECRET_NAME}`,
      reduce: observeTokens,
      onRestart: options.onWatchRestart,
    });
    this.#reflector.subscribe((_key, current, previous) => {
      if (current?.isNewer && !previous?.isNewer) options.onNewerSchema?.();
      this.#take(current?.state);
    });
  }

  get synced(): Promise<undefined> {
    return this.#reflector.synced;
  }

  /** What is in the Secret, or what was in it before it went. */
  get current(): TokensState {
    return this.#state;
  }

  /** Is there a Secret that holds the current state, or one that is not ours to write? */
  get isStored(): boolean {
    const { isNewer = false, state } = this.#observed ?? {};
    return isNewer || (state?.generation ?? -1) >= this.#state.generation;
  }

  /** Returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#reflector.run(signal);
  }

  /**
   * Applies a change and resolves when it is stored. Changes that come while a write is under way go into the next one.
   * Tries until it succeeds or `signal` fires; then rejects.
   */
  async update(update: TokensUpdate, signal: AbortSignal): Promise<void> {
    const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
    const stopWaiting = () => resolve(undefined);
    signal.addEventListener('abort', stopWaiting, { once: true });
    this.#pending.push(update);
    try {
      while (this.#pending.includes(update)) {
        signal.throwIfAborted();
        this.#writing ??= this.#write(signal).finally(() => (this.#writing = undefined));
        // The write of another ends with that one's signal; then the next is begun here.
        await Promise.race([this.#writing, aborted]);
      }
    } finally {
      signal.removeEventListener('abort', stopWaiting);
      this.#pending = this.#pending.filter((pending) => pending !== update);
    }
  }

  get #observed(): ObservedTokens | undefined {
    return this.#reflector.get({ namespace: this.#options.namespace, name: TOKENS_SECRET_NAME });
  }

  /** Stores what is pending, unless `signal` fires before. */
  async #write(signal: AbortSignal): Promise<void> {
    const { pause } = this.#options;
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        if (pause?.isOn) await pause.off(signal);
        const updates = [...this.#pending];
        await this.#tryWrite(updates, signal);
        this.#pending = this.#pending.filter((update) => !updates.includes(update));
        return;
      } catch (error) {
        await this.#recover(error, failures, signal);
      }
    }
  }

  async #recover(error: unknown, failures: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const askedForMs = error instanceof KubeApiError ? error.retryAfterMs : undefined;
    const retryInMs = askedForMs ?? backOffMs(failures, { baseMs: 100, capMs: 10_000 });
    const isReread = isConflict(error) && (await this.#reread(signal));
    if (!isReread) this.#options.onWriteFailure(error, retryInMs);
    await this.#options.clock.sleep(retryInMs, signal).catch(() => undefined);
  }

  async #tryWrite(updates: TokensUpdate[], signal: AbortSignal): Promise<void> {
    const { client, clock, namespace } = this.#options;
    // Without a version to go by a write would replace what the watch has not told of yet.
    if (!this.#observed) await this.#reread(signal);
    const before = this.#state;
    const changed = updates.reduce<TokensState>((state, update) => ({ ...state, ...update(state) }), before);
    if (this.isStored && isDeepStrictEqual(changed, before)) return;
    // Milliseconds since the epoch: grows even past a Secret that was deleted while nothing ran.
    const generation = Math.max(before.generation + 1, clock.now());
    const state = { ...changed, generation, since: before.generation === 0 ? generation : before.since };
    const observed = this.#observed;
    if (!observed?.isNewer) {
      const secret = encodeTokensSecret(state, namespace, observed);
      // Always server-side apply: it is what rights by name allow for creating, too.
      this.#reflector.observe(await client.apply(resources.secrets, secret, { signal }));
    }
    if (this.#state.generation < state.generation) this.#take(state);
  }

  /** Another replica wrote, or somebody deleted the Secret: the next try starts from what is there, if it can be read. */
  async #reread(signal: AbortSignal): Promise<boolean> {
    const { client, namespace } = this.#options;
    const ref = { namespace, name: TOKENS_SECRET_NAME };
    try {
      this.#reflector.observe(await client.get<Secret>(resources.secrets, ref, { signal }));
      return true;
    } catch {
      return false;
    }
  }

  #take(state: TokensState | undefined): void {
    // A Secret that went, or that somebody put back to what it was, leaves the state in memory; the leader writes it back.
    if (state && state.generation >= this.#state.generation) this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof KubeApiError && (error.status === 409 || error.status === 404);
}
