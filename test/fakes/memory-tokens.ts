import { emptyTokensState, type TokensState } from '../../src/credentials/tokens-secret.ts';
import type { TokensStore, TokensUpdate } from '../../src/credentials/tokens-store.ts';

/** The tokens Secret without an API server: every change is stored at once. */
export class MemoryTokens implements Pick<TokensStore, 'current' | 'update'> {
  current: TokensState = emptyTokensState;
  writes = 0;
  /** Holds up each change. */
  beforeUpdate: (signal: AbortSignal) => Promise<void> = () => Promise.resolve();

  async update(update: TokensUpdate, signal: AbortSignal): Promise<void> {
    await this.beforeUpdate(signal);
    signal.throwIfAborted();
    this.writes++;
    this.current = { ...this.current, ...update(this.current), generation: this.current.generation + 1 };
  }
}
