import type { Secret } from '../../src/kube/objects.ts';
import type { CaStore } from '../../src/certificates/certificate-authority.ts';

/** A Secret in memory, with versions as the API server gives them; shared by several replicas if a test wants that. */
export class MemoryCaStore implements CaStore {
  secret: Secret | undefined;
  writes = 0;
  failure: Error | undefined;
  /** Called between a replica's read and its write. */
  beforeSave: () => Promise<void> = () => Promise.resolve();
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

  /** A write by anybody. */
  put(secret: Secret): void {
    this.writes++;
    this.secret = { ...secret, metadata: { ...secret.metadata, resourceVersion: String(++this.#version) } };
  }
}
