import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { KubeApiError } from '../errors.ts';
import type { JsonPatchOperation, KubeClient } from '../kube/kube-client.ts';
import type { KubeObject, MutatingWebhookConfiguration, OwnerReference } from '../kube/objects.ts';
import { Reflector, type Reduced } from '../kube/reflector.ts';
import { resources } from '../kube/resources.ts';
import { WorkQueue } from '../kube/work-queue.ts';
import { reaches } from './reach.ts';
import {
  isAsWanted,
  webhookConfiguration,
  WEBHOOK_CONFIGURATION_NAME,
  type WebhookAddress,
} from './webhook-configuration.ts';

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
  serverMinor: () => number;
  onWritten: (change: 'Created' | 'Repaired' | 'Deleted') => void;
  /** Somebody undoes our repairs; the field managers that wrote the registration. */
  onContested: (managers: string[]) => void;
  onFailure: (error: unknown, retryInMs: number) => void;
  onWatchRestart: (error: unknown) => void;
}

interface StoredRegistration extends Reduced {
  readonly stored: MutatingWebhookConfiguration;
}

const KEY = WEBHOOK_CONFIGURATION_NAME;
/** Repairs that are made at once within a minute; somebody who undoes each of them is then answered no sooner than this allows. */
const REPAIRS_A_MINUTE = 6;
const MINUTE_MS = 60_000;

/** Keeps our MutatingWebhookConfiguration as `webhook-configuration` says: there, right, or away. */
export class WebhookReconciler {
  readonly #options: WebhookReconcilerOptions;
  readonly #reflector: Reflector<MutatingWebhookConfiguration, StoredRegistration>;
  readonly #queue: WorkQueue;
  #repairedAt: number[] = [];
  #lastWanted: MutatingWebhookConfiguration | undefined;

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
    this.#queue.start(signal);
    // A first list that finds nothing is told by no event.
    void this.#reflector.synced.then(() => this.reconcile());
  }

  /** The configuration or the certificate changed. */
  reconcile(): void {
    this.#queue.add(KEY);
  }

  /** Does the API server trust our certificate as it stands? */
  get isTrusted(): boolean {
    const bundle = this.#options.caBundle();
    const known = this.#reflector.get(KEY)?.stored;
    if (bundle === undefined || !known) return false;
    const encoded = Buffer.from(bundle).toString('base64');
    // None where every namespace that is watched is excluded, too.
    return (known.webhooks ?? []).every(({ clientConfig }) => clientConfig.caBundle === encoded);
  }

  /** Do requests in that namespace come to the webhook now? */
  isReached(namespace: string): boolean {
    const { config, ownNamespace, serverMinor } = this.#options;
    const current = config();
    if (!current || !this.isTrusted) return false;
    return reaches(namespace, { config: current, ownNamespace, serverMinor: serverMinor() });
  }

  async #reconcile(): Promise<void> {
    const { config, paused } = this.#options;
    const current = config();
    if (!this.#reflector.hasSynced) return;
    const known = this.#reflector.get(KEY)?.stored;
    if (paused() || current?.webhook.enabled === false) {
      if (known) await this.#delete(known);
    } else if (current) {
      await this.#keep(current, known);
    }
  }

  async #keep(current: Config, known: MutatingWebhookConfiguration | undefined): Promise<void> {
    const bundle = this.#options.caBundle();
    if (bundle === undefined) return;
    await this.#write(known, await this.#wanted(current, bundle));
  }

  async #write(stored: MutatingWebhookConfiguration | undefined, wanted: MutatingWebhookConfiguration): Promise<void> {
    // Following the configuration and the certificate is no repair.
    if (!isDeepStrictEqual(wanted, this.#lastWanted)) this.#repairedAt = [];
    this.#lastWanted = wanted;
    if (stored && (isAsWanted(stored, wanted) || !this.#mayRepair(stored))) return;
    const { client, onWritten } = this.#options;
    const resource = resources.mutatingWebhookConfigurations;
    const written = stored
      ? await client.jsonPatch(resource, { name: KEY }, repairPatch(stored, wanted))
      : await client.apply(resource, wanted);
    this.#reflector.observe(written);
    onWritten(stored ? 'Repaired' : 'Created');
  }

  /** Two services that register different addresses would otherwise rewrite each other's as fast as they can. */
  #mayRepair({ metadata }: MutatingWebhookConfiguration): boolean {
    const now = this.#options.clock.now();
    this.#repairedAt = this.#repairedAt.filter((repairedAt) => now - repairedAt < MINUTE_MS);
    const [oldest = now] = this.#repairedAt;
    if (this.#repairedAt.length < REPAIRS_A_MINUTE) {
      this.#repairedAt.push(now);
      return true;
    }
    const managers = [...new Set(metadata.managedFields?.map(({ manager = 'unknown' }) => manager))];
    this.#options.onContested(managers);
    this.#queue.addAfter(KEY, oldest + MINUTE_MS - now);
    return false;
  }

  async #wanted(config: Config, caBundle: string): Promise<MutatingWebhookConfiguration> {
    const { address, ownNamespace, serverMinor } = this.#options;
    const owner = await this.#owner();
    return webhookConfiguration({ config, caBundle, address, ownNamespace, serverMinor: serverMinor(), owner });
  }

  /** Its UID is read for every repair: a ClusterRole that was made anew has another. */
  async #owner(): Promise<OwnerReference | undefined> {
    const { client, ownerClusterRole: name } = this.#options;
    if (!name) return undefined;
    const { metadata } = await client.get<KubeObject>(resources.clusterRoles, { name });
    return {
      apiVersion: resources.clusterRoles.apiVersion,
      kind: resources.clusterRoles.kind,
      name,
      uid: metadata.uid ?? '',
    };
  }

  async #delete({ metadata }: MutatingWebhookConfiguration): Promise<void> {
    try {
      await this.#options.client.delete(resources.mutatingWebhookConfigurations, { name: KEY }, { uid: metadata.uid });
      this.#options.onWritten('Deleted');
    } catch (error) {
      if (!(error instanceof KubeApiError && error.status === 404)) throw error;
    }
  }
}

/** Everything anew in one step, so that entries which somebody added go, too. */
function repairPatch(stored: MutatingWebhookConfiguration, wanted: MutatingWebhookConfiguration): JsonPatchOperation[] {
  const { resourceVersion, labels, ownerReferences } = stored.metadata;
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    { op: 'add', path: '/metadata/labels', value: { ...labels, ...wanted.metadata.labels } },
    { op: 'add', path: '/metadata/ownerReferences', value: wanted.metadata.ownerReferences ?? ownerReferences ?? [] },
    { op: 'add', path: '/webhooks', value: wanted.webhooks },
  ];
}
