import type { Secret } from '../kube/objects.ts';
import type { ChangeListener, ObjectCache } from '../kube/reflector.ts';
import type { ObjectRef } from '../kube/resources.ts';
import type { ObservedSecret } from './secret-drift.ts';

type SecretsOfOneName = Pick<
  ObjectCache<Secret, ObservedSecret>,
  'get' | 'observe' | 'subscribe' | 'synced' | 'hasSynced' | 'run'
>;

/**
 * The Secrets of all namespaces that have a pull Secret's name, as one. Each name is watched for itself, as rights are by name;
 * a missing right to those for further accounts holds up nothing.
 */
export class ObservedPullSecrets implements SecretsOfOneName {
  readonly #byName: ReadonlyMap<string, SecretsOfOneName>;

  /** @param names the first one's Secrets must be known before anything is done. @param reflect watches one name. */
  constructor(names: readonly string[], reflect: (name: string, isOptional: boolean) => SecretsOfOneName) {
    this.#byName = new Map(names.map((name, index) => [name, reflect(name, index > 0)]));
  }

  get synced(): Promise<unknown> {
    return Promise.all([...this.#byName.values()].map(({ synced }) => synced));
  }

  get hasSynced(): boolean {
    return [...this.#byName.values()].every(({ hasSynced }) => hasSynced);
  }

  get(ref: ObjectRef): ObservedSecret | undefined {
    return this.#byName.get(ref.name)?.get(ref);
  }

  observe(secret: Secret): void {
    this.#byName.get(secret.metadata.name ?? '')?.observe(secret);
  }

  subscribe(listener: ChangeListener<ObservedSecret>): void {
    for (const secrets of this.#byName.values()) secrets.subscribe(listener);
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#byName.values()].map((secrets) => secrets.run(signal)));
  }
}
