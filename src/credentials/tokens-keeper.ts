import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { KeptObject, LoopGuard } from '../kube/loop-guard.ts';
import { resources } from '../kube/resources.ts';
import { TOKENS_SECRET_NAME } from './tokens-secret.ts';
import type { TokensStore } from './tokens-store.ts';

export interface TokensKeeperOptions {
  clock: Clock;
  store: Pick<TokensStore, 'current' | 'isStored' | 'onChange' | 'update'>;
  loopGuard: Pick<LoopGuard, 'waitMs' | 'wrote'>;
  namespace: string;
}

/** Writes the tokens Secret back from memory when somebody deletes or overwrites it, but not as often as he may do so. */
export class TokensKeeper {
  readonly #options: TokensKeeperOptions;

  constructor(options: TokensKeeperOptions) {
    this.#options = options;
  }

  /** Keeps it until `term` fires. */
  start(term: AbortSignal): void {
    let restoring: Promise<void> | undefined;
    const unsubscribe = this.#options.store.onChange(() => {
      if (this.#options.store.isStored) return;
      // Only the end of the term ends the tries of a write, and then another sees to it.
      restoring ??= this.#restore(term)
        .catch(() => undefined)
        .finally(() => (restoring = undefined));
    });
    term.addEventListener('abort', unsubscribe, { once: true });
  }

  async #restore(term: AbortSignal): Promise<void> {
    const { clock, store, loopGuard, namespace } = this.#options;
    const kept: KeptObject = { resource: resources.secrets, namespace, name: TOKENS_SECRET_NAME };
    while (!store.isStored) {
      const wanted = this.#wanted;
      const waitMs = loopGuard.waitMs(kept, wanted, []);
      if (waitMs > 0) {
        await clock.sleep(waitMs, term);
      } else {
        await store.update((state) => state, term);
        loopGuard.wrote(kept, wanted);
      }
    }
  }

  /** A renewed token is written by who renewed it, and is new content. */
  get #wanted(): string {
    const { credentials, configuration } = this.#options.store.current;
    return createHash('sha256')
      .update(JSON.stringify([credentials, configuration]))
      .digest('hex');
  }
}
