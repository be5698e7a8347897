import { Cleanup, type CleanupReport } from '../../src/cleanup/cleanup.ts';
import { withDeadline } from '../../src/clock.ts';
import type { Lease, ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { namespaceNamed, refAt, secretAt, serviceAccountAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi } from '../fakes/memory-api.ts';

export const PULL = 'acr-credential-secret-aggregation';
export const LEASE = { namespace: 'acr', name: 'acr-credential-injector' };
export const ours = { labels: { 'app.kubernetes.io/managed-by': 'acr-credential-injector' } };

export interface Run {
  timeoutMs?: number;
  namespaces?: string[];
  secretNames?: string[];
  /** Ends it from outside. */
  stop?: AbortSignal;
}

/** A cluster in memory, and the clean-up in it. */
export class CleanupWorld {
  readonly api = new MemoryApi();
  readonly clock = new ManualClock();
  /** What was not removed, and after how long something was tried again, as it was told. */
  readonly failures: string[] = [];
  readonly retries: number[] = [];

  constructor() {
    for (const name of ['acr', 'a', 'b']) this.api.put(resources.namespaces, namespaceNamed(name));
  }

  /** What the service leaves behind in two namespaces. */
  leaveBehind(): void {
    const { mutatingWebhookConfigurations, secrets, serviceAccounts } = resources;
    this.api.put(mutatingWebhookConfigurations, { metadata: { name: 'zz-acr-credential-injector' } });
    for (const name of ['tokens', 'ca']) {
      this.api.put(secrets, secretAt(`acr/acr-credential-injector-${name}`, {}, ours));
    }
    for (const namespace of ['a', 'b']) {
      this.api.put(secrets, secretAt(`${namespace}/${PULL}`, {}, ours));
      this.api.put(secrets, secretAt(`${namespace}/${PULL}-2`, {}, ours));
      this.api.put(serviceAccounts, serviceAccountAt(`${namespace}/app`, ['mine', PULL, 'too', `${PULL}-2`]));
      this.api.put(serviceAccounts, serviceAccountAt(`${namespace}/default`, [PULL]));
    }
  }

  /** Runs it for as long as it takes, in the clock's time. */
  async cleanUp({ timeoutMs = 300_000, namespaces, secretNames = [PULL], stop }: Run = {}): Promise<CleanupReport> {
    const { api, clock } = this;
    const cleanup = new Cleanup({
      client: api,
      clock,
      namespace: 'acr',
      namespaces,
      secretNames,
      onRetry: (_error, retryInMs) => this.retries.push(retryInMs),
      onRemoved: () => undefined,
      onFailure: (name) => this.failures.push(name),
    });
    const deadline = withDeadline(clock, timeoutMs, stop);
    const progress = { hasEnded: false };
    const run = cleanup.run(deadline.signal).finally(() => (progress.hasEnded = true));
    run.catch(() => undefined);
    for (let second = 0; second < 400 && !progress.hasEnded; second++) await clock.pass(1_000);
    deadline.clear();
    return run;
  }

  /** The names in a ServiceAccount's list. @param key `namespace/name`. */
  list(key: string): (string | undefined)[] | undefined {
    const account: ServiceAccount | undefined = this.api.read(resources.serviceAccounts, refAt(key));
    return account?.imagePullSecrets?.map(({ name }) => name);
  }

  get lease(): Lease | undefined {
    return this.api.read(resources.leases, LEASE);
  }
}
