import { aborted, type Clock } from '../clock.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { Secret } from '../kube/objects.ts';
import { Reflector, type Reduced } from '../kube/reflector.ts';
import { resources } from '../kube/resources.ts';

export interface ReferencedSecretsOptions {
  client: Pick<KubeClient, 'list' | 'watch'>;
  clock: Clock;
  /** The own namespace, where they all are. */
  namespace: string;
  onWatchRestart: (error: unknown) => void;
}

interface KeptSecret extends Reduced {
  readonly secret: Secret;
}

interface FollowedSecret {
  readonly reflector: Reflector<Secret, KeptSecret>;
  readonly stop: AbortController;
}

/** The Secrets of the own namespace that the configuration refers to by name, each watched by its name while it does. */
export class ReferencedSecrets {
  readonly #options: ReferencedSecretsOptions;
  readonly #followed = new Map<string, FollowedSecret>();
  readonly #listeners = new Set<(name: string) => void>();
  #signal: AbortSignal | undefined;

  constructor(options: ReferencedSecretsOptions) {
    this.#options = options;
  }

  /** From now on watches the Secrets of these names, and no others. */
  follow(names: Iterable<string>): void {
    const wanted = new Set(names);
    for (const [name, { stop }] of this.#followed) {
      if (wanted.has(name)) continue;
      stop.abort();
      this.#followed.delete(name);
    }
    for (const name of wanted) if (!this.#followed.has(name)) this.#begin(name);
  }

  /** The Secret as it is now; undefined when there is none, or none that we may read, or it is not followed. */
  get(name: string): Secret | undefined {
    return this.#followed.get(name)?.reflector.get({ namespace: this.#options.namespace, name })?.secret;
  }

  /** Is it known of the Secret whether it is there? */
  isSettled(name: string): boolean {
    return this.#followed.get(name)?.reflector.hasSynced ?? false;
  }

  /** Told of a Secret that came, changed or went, and when it becomes settled. */
  onChange(listener: (name: string) => void): void {
    this.#listeners.add(listener);
  }

  /** Watches what is followed until `signal` fires. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    for (const followed of this.#followed.values()) this.#watch(followed, signal);
    await aborted(signal);
  }

  #begin(name: string): void {
    const { client, clock, namespace, onWatchRestart } = this.#options;
    const announce = () => {
      if (this.#followed.get(name) !== followed) return;
      for (const listener of this.#listeners) listener(name);
    };
    const reflector = new Reflector<Secret, KeptSecret>({
      client,
      clock,
      resource: resources.secrets,
      namespace,
      fieldSelector: `metadata.name=${name}`,
      reduce: (secret) => ({ resourceVersion: secret.metadata.resourceVersion ?? '', secret }),
      // One that we may not read counts as missing.
      isOptional: true,
      onRestart: onWatchRestart,
    });
    const followed: FollowedSecret = { reflector, stop: new AbortController() };
    this.#followed.set(name, followed);
    reflector.subscribe(announce);
    void reflector.synced.then(announce);
    if (this.#signal) this.#watch(followed, this.#signal);
  }

  #watch({ reflector, stop }: FollowedSecret, signal: AbortSignal): void {
    void reflector.run(AbortSignal.any([signal, stop.signal]));
  }
}
