import { KubeApiError } from '../errors.ts';
import type { Secret } from '../kube/objects.ts';
import { refOf, type ChangeListener, type Reflector } from '../kube/reflector.ts';
import type { ObservedSecret } from './secret-drift.ts';

type SecretReflector = Reflector<Secret, ObservedSecret>;

interface Part {
  readonly reflector: SecretReflector;
  /** Resolves when it is known what there is, or that we may not know. */
  readonly settled: Promise<unknown>;
  isSettled: boolean;
}

/**
 * The Secrets of all namespaces that have a pull Secret's name, as one. Each name is watched for itself, as rights are by name;
 * a missing right to those for further accounts holds up nothing.
 */
export class ObservedPullSecrets {
  readonly #parts: ReadonlyMap<string, Part>;

  /** @param names the first one's Secrets must be known before anything is done. @param reflect watches one name. */
  constructor(
    names: readonly string[],
    reflect: (name: string, onFailure: (error: unknown) => void) => SecretReflector,
  ) {
    this.#parts = new Map(names.map((name, index) => [name, partOf((tell) => reflect(name, tell), index > 0)]));
  }

  /** Resolves once the first lists of all are in memory. */
  get synced(): Promise<unknown> {
    return Promise.all([...this.#parts.values()].map(({ settled }) => settled));
  }

  get hasSynced(): boolean {
    return [...this.#parts.values()].every(({ isSettled }) => isSettled);
  }

  /** @param key `namespace/name`. */
  get(key: string): ObservedSecret | undefined {
    return this.#parts.get(refOf(key).name)?.reflector.get(key);
  }

  observe(secret: Secret): void {
    this.#parts.get(secret.metadata.name ?? '')?.reflector.observe(secret);
  }

  subscribe(listener: ChangeListener<ObservedSecret>): void {
    for (const { reflector } of this.#parts.values()) reflector.subscribe(listener);
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#parts.values()].map(({ reflector }) => reflector.run(signal)));
  }
}

function partOf(reflect: (onFailure: (error: unknown) => void) => SecretReflector, isOptional: boolean): Part {
  const { promise: refused, resolve } = Promise.withResolvers<undefined>();
  const reflector = reflect((error) => {
    if (isOptional && error instanceof KubeApiError && error.status === 403) resolve(undefined);
  });
  const settled = Promise.race([reflector.synced, refused]);
  const part: Part = { reflector, settled, isSettled: false };
  void settled.then(() => (part.isSettled = true));
  return part;
}
