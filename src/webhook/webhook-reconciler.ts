import { withDeadline, type Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { otherManagers } from '../kube/field-manager.ts';
import { isNotFound } from '../kube/if-there.ts';
import type { KeptObject, LoopGuard } from '../kube/loop-guard.ts';
import type { KubeObject, MutatingWebhookConfiguration, OwnerReference } from '../kube/objects.ts';
import { Reflector, type Reduced } from '../kube/reflector.ts';
import { resources } from '../kube/resources.ts';
import { WorkQueue } from '../kube/work-queue.ts';
import { knowsMatchConditions, podMatchConditions } from './match-conditions.ts';
import { reaches } from './reach.ts';
import { isAsWanted, lacksConditions, repairPatch } from './registration-drift.ts';
import { webhookConfiguration, WEBHOOK_CONFIGURATION_NAME, type WebhookAddress } from './webhook-configuration.ts';

export interface WebhookReconcilerOptions {
  client: Pick<KubeClient, 'get' | 'list' | 'watch' | 'apply' | 'jsonPatch' | 'delete'>;
  clock: Clock;
  address: WebhookAddress;
  ownNamespace: string;
  /** The ClusterRole whose deletion takes the registration with it. */
  ownerClusterRole: string | undefined;
  config: () => Config | undefined;
  /** Is the break-glass switch on? Then the registration goes, whatever the configuration says. */
  paused: () => boolean;
  /** The bundle that verifies our serving certificate, in PEM; undefined while nothing could be served. */
  caBundle: () => string | undefined;
  /** Does that bundle, in PEM, verify what we serve with? */
  isVerifiedBy: (bundle: string) => boolean;
  serverMinor: () => number;
  /** The keys of the `auths` of all pull Secrets, as they are or will be; undefined while they cannot be told. */
  managedKeys: () => Iterable<string> | undefined;
  loopGuard: Pick<LoopGuard, 'waitMs' | 'wrote'>;
  onWritten: (change: 'Created' | 'Repaired' | 'Deleted') => void;
  onFailure: (error: unknown, retryInMs: number) => void;
  onWatchRestart: (error: unknown) => void;
}

interface StoredRegistration extends Reduced {
  readonly stored: MutatingWebhookConfiguration;
}

const KEY = WEBHOOK_CONFIGURATION_NAME;
const KEPT: KeptObject = { resource: resources.mutatingWebhookConfigurations, name: KEY };
/** What stands for the registration's absence where its content would. */
const NONE = 'none';
/** A new bundle does not wait for longer to be told of the owner. */
const OWNER_WITHIN_MS = 5_000;
/** Whoever waits for the registration is not held up for longer by an API server that does not take it. */
const CATCH_UP_WITHIN_MS = 1_000;

/** Keeps our MutatingWebhookConfiguration as `webhook-configuration` says: there, right, or away. */
export class WebhookReconciler {
  readonly #options: WebhookReconcilerOptions;
  readonly #reflector: Reflector<MutatingWebhookConfiguration, StoredRegistration>;
  readonly #queue: WorkQueue;
  /** Resolve when the next look at the registration is over. */
  #waiting: (() => void)[] = [];
  #isKeeping = false;
  /** The version of a server that dropped the conditions it was given. */
  #dropsConditions: number | undefined;
  #reach: { config: Config; since: number } | undefined;

  constructor(options: WebhookReconcilerOptions) {
    this.#options = options;
    const { client, clock, onFailure, onWatchRestart } = options;
    this.#reflector = new Reflector<MutatingWebhookConfiguration, StoredRegistration>({
      client,
      clock,
      resource: resources.mutatingWebhookConfigurations,
      fieldSelector: `metadata.name=${KEY}`,
      reduce: (stored) => ({ resourceVersion: stored.metadata.resourceVersion ?? '', stored }),
      onRestart: onWatchRestart,
    });
    this.#queue = new WorkQueue({
      clock,
      concurrency: 1,
      reconcile: () => this.#reconcile(),
      onFailure: (_key, error, retryInMs) => onFailure(error, retryInMs),
    });
    this.#reflector.subscribe(() => this.reconcile());
  }

  get synced(): Promise<undefined> {
    return this.#reflector.synced;
  }

  /** Watches the registration, which every replica does. */
  run(signal: AbortSignal): Promise<void> {
    return this.#reflector.run(signal);
  }

  /** Begins to keep it, which the leader does. */
  start(signal: AbortSignal): void {
    this.#isKeeping = true;
    signal.addEventListener('abort', () => (this.#isKeeping = false), { once: true });
    this.#queue.start(signal);
    // A first list that finds nothing is told by no event.
    void this.#reflector.synced.then(() => this.reconcile());
  }

  /** The configuration, the certificate, the managed keys or the API server's version changed. */
  reconcile(): void {
    this.#noteReach();
    this.#queue.add(KEY);
  }

  /**
   * Resolves when the registration has followed what changed, or could not at once: a Secret must not open a registry whose
   * Pods are still kept away. Never rejects.
   */
  async caughtUp(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const deadline = withDeadline(this.#options.clock, CATCH_UP_WITHIN_MS);
    deadline.signal.addEventListener('abort', () => resolve(undefined), { once: true });
    if (this.#isKeeping) this.#waiting.push(() => resolve(undefined));
    else resolve(undefined);
    this.reconcile();
    await promise;
    deadline.clear();
  }

  /** Does the API server trust our certificate as it stands? */
  get isTrusted(): boolean {
    const { caBundle, isVerifiedBy } = this.#options;
    if (caBundle() === undefined || !this.#reflector.get({ name: KEY })) return false;
    // None where every namespace that is watched is excluded, too.
    return this.bundles?.every(isVerifiedBy) === true;
  }

  /** What the API server verifies the webhook with, in PEM: that of each entry. Undefined until the registration has been read. */
  get bundles(): string[] | undefined {
    const registration = this.#reflector.get({ name: KEY })?.stored;
    if (!registration && !this.#reflector.hasSynced) return undefined;
    const entries = registration?.webhooks ?? [];
    const encoded = new Set(entries.map(({ clientConfig }) => clientConfig.caBundle ?? ''));
    return [...encoded].map((bundle) => Buffer.from(bundle, 'base64').toString());
  }

  /** Do requests in that namespace come to the webhook now? */
  isReached(namespace: string): boolean {
    const { config } = this.#options;
    const current = config();
    return current !== undefined && this.isTrusted && this.#reaches(namespace, current);
  }

  /**
   * Since when requests in that namespace have come without a break, under the same configuration; in milliseconds since the
   * epoch. Undefined: they do not.
   */
  reachedSince(namespace: string): number | undefined {
    const reach = this.#reach;
    return reach && this.#reaches(namespace, reach.config) ? reach.since : undefined;
  }

  #reaches(namespace: string, config: Config): boolean {
    const { ownNamespace, serverMinor } = this.#options;
    return reaches(namespace, { config, ownNamespace, serverMinor: serverMinor() });
  }

  #noteReach(): void {
    const config = this.#options.config();
    if (!config || this.#options.paused() || !this.isTrusted) this.#reach = undefined;
    else if (this.#reach?.config !== config) this.#reach = { config, since: this.#options.clock.now() };
  }

  async #reconcile(): Promise<void> {
    const waiting = this.#waiting.splice(0);
    try {
      await this.#keepOrDelete();
    } finally {
      for (const resolve of waiting) resolve();
    }
  }

  async #keepOrDelete(): Promise<void> {
    const { config, paused } = this.#options;
    const current = config();
    if (!this.#reflector.hasSynced) return;
    const known = this.#reflector.get({ name: KEY })?.stored;
    if (paused() || current?.webhook.enabled === false) {
      if (known) await this.#delete(known);
    } else if (current) {
      await this.#keep(current, known);
    }
  }

  async #keep(current: Config, known: MutatingWebhookConfiguration | undefined): Promise<void> {
    const bundle = this.#options.caBundle();
    if (bundle === undefined) return;
    await this.#write(known, await this.#wanted(current, bundle, known !== undefined));
  }

  async #write(stored: MutatingWebhookConfiguration | undefined, wanted: MutatingWebhookConfiguration): Promise<void> {
    if (stored && isAsWanted(stored, wanted)) return;
    const { client, loopGuard, onWritten, serverMinor } = this.#options;
    const content = JSON.stringify(wanted);
    if (this.#isPutOff(content, stored)) return;
    const minor = serverMinor();
    const resource = resources.mutatingWebhookConfigurations;
    const written = stored
      ? await client.jsonPatch(resource, { name: KEY }, repairPatch(stored, wanted))
      : await client.apply(resource, wanted);
    loopGuard.wrote(KEPT, content);
    // The next look, to which this answer leads, wants none.
    if (lacksConditions(written, wanted)) this.#dropsConditions = minor;
    this.#reflector.observe(written);
    onWritten(stored ? 'Repaired' : 'Created');
  }

  /** Somebody undoes what we do: then it waits, and is looked at again. */
  #isPutOff(wanted: string, stored: MutatingWebhookConfiguration | undefined): boolean {
    const rivals = stored ? otherManagers(stored.metadata) : [];
    const waitMs = this.#options.loopGuard.waitMs(KEPT, wanted, rivals);
    if (waitMs > 0) this.#queue.addAfter(KEY, waitMs);
    return waitMs > 0;
  }

  async #wanted(config: Config, caBundle: string, isStored: boolean): Promise<MutatingWebhookConfiguration> {
    const { address, ownNamespace, managedKeys, ...options } = this.#options;
    const owner = await this.#owner(isStored);
    const serverMinor = options.serverMinor();
    const keys = knowsMatchConditions(serverMinor) && serverMinor !== this.#dropsConditions ? managedKeys() : undefined;
    const podConditions = keys && podMatchConditions(keys);
    return webhookConfiguration({ config, caBundle, address, ownNamespace, serverMinor, owner, podConditions });
  }

  /**
   * Its UID is read at every look: a ClusterRole that was made anew has another. Undefined, which leaves a stored registration with
   * the owner that it has, also while it cannot be read.
   * @throws KubeApiError when the ClusterRole is gone, or nothing is stored yet.
   */
  async #owner(isStored: boolean): Promise<OwnerReference | undefined> {
    const { client, ownerClusterRole: name } = this.#options;
    const { apiVersion, kind } = resources.clusterRoles;
    if (!name) return undefined;
    try {
      const { metadata } = await client.get<KubeObject>(
        resources.clusterRoles,
        { name },
        { timeoutMs: OWNER_WITHIN_MS },
      );
      return { apiVersion, kind, name, uid: metadata.uid ?? '' };
    } catch (error) {
      if (isStored && !isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #delete(stored: MutatingWebhookConfiguration): Promise<void> {
    if (this.#isPutOff(NONE, stored)) return;
    const { client, loopGuard, onWritten } = this.#options;
    const { uid } = stored.metadata;
    try {
      await client.delete(resources.mutatingWebhookConfigurations, { name: KEY }, { uid });
      loopGuard.wrote(KEPT, NONE);
      onWritten('Deleted');
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
