/** On the ConfigMap, with the value `true`: takes the webhook's registration away and stops every write until it goes. */
export const PAUSE_ANNOTATION = 'acr-credential-injector/paused';

/** The break-glass switch: while it is on, nothing is written. */
export class Pause {
  readonly #listeners = new Set<(isOn: boolean) => void>();
  readonly #known = Promise.withResolvers<undefined>();
  #isOn = false;

  get isOn(): boolean {
    return this.#isOn;
  }

  /** Resolves once the ConfigMap has been looked at: what would write before that has to wait for it. */
  get known(): Promise<undefined> {
    return this.#known.promise;
  }

  switch(isOn: boolean): void {
    this.#known.resolve(undefined);
    if (isOn === this.#isOn) return;
    this.#isOn = isOn;
    for (const listener of [...this.#listeners]) listener(isOn);
  }

  /** Told whenever it goes on or off. Returns what ends that. */
  onChange(listener: (isOn: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when it is off, which may be at once. Rejects with the signal's reason. */
  async off(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#isOn) return;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const unsubscribe = this.onChange(() => resolve(undefined));
    const abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await promise;
    } finally {
      unsubscribe();
      signal.removeEventListener('abort', abort);
    }
  }
}
