import type { CaStore } from '../../src/certificates/certificate-authority.ts';
import type { Secret } from '../../src/kube/objects.ts';

/** A Secret in memory, with versions as the API server gives them; shared by several replicas if a test wants that. */
export class MemoryCaStore implements CaStore {
  secret: Secret | undefined;
  writes = 0;
  failure: Error | undefined;
  /** Called between a replica's read and its write. */
  beforeSave: () => Promise<void> = () => Promise.resolve();
  readonly #watchers = new Set<() => void>();
  #version = 0;

  load(): Promise<Secret | undefined> {
    if (this.failure) return Promise.reject(this.failure);
    return Promise.resolve(structuredClone(this.secret));
  }

  async save(secret: Secret): Promise<boolean> {
    await this.beforeSave();
    if (this.failure) throw this.failure;
    if (secret.metadata.resourceVersion !== this.secret?.metadata.resourceVersion) return false;
    this.put(secret);
    return true;
  }

  watch(onChange: () => void, signal: AbortSignal): Promise<void> {
    this.#watchers.add(onChange);
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        this.#watchers.delete(onChange);
        resolve();
      });
    });
  }

  /** A write by anybody. */
  put(secret: Secret): void {
    this.writes++;
    this.secret = { ...secret, metadata: { ...secret.metadata, resourceVersion: String(++this.#version) } };
    this.#tell();
  }

  /** Changes some of the data, as somebody's patch does; null takes a key away. */
  damage(changes: Readonly<Record<string, string | null>>): void {
    const data = Object.entries({ ...this.secret?.data, ...changes }).filter(([, value]) => value !== null);
    this.put({
      ...this.secret,
      metadata: { ...this.secret?.metadata },
      data: Object.fromEntries(data) as Record<string, string>,
    });
  }

  delete(): void {
    this.secret = undefined;
    this.#tell();
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }
}
