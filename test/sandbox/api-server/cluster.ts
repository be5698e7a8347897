import type { Clock } from '../../../src/clock.ts';
import type { MutatingWebhookConfiguration, Namespace, ServiceAccount } from '../../../src/kube/objects.ts';
import { resources as known } from '../../../src/kube/resources.ts';
import { AdmissionChain } from './admission-chain.ts';
import { AdmissionWebhooks } from './admission-webhooks.ts';
import { ApiResources } from './api-resources.ts';
import { writeAs } from './controller-context.ts';
import type { ControllerContext } from './controller-context.ts';
import { decode } from './decode.ts';
import { startDeploymentController, startReplicaSetController } from './deployment-controller.ts';
import type { Faults } from './faults.ts';
import { startGarbageCollector } from './garbage-collector.ts';
import { startNamespaceController } from './namespace-controller.ts';
import { ObjectStore } from './object-store.ts';
import { ObjectWriter } from './object-writer.ts';
import { startServiceAccountController } from './service-account-controller.ts';
import { ServiceAccountPlugin } from './service-account-plugin.ts';
import { startTokenController } from './token-controller.ts';
import { WebhookClient } from './webhook-client.ts';
import type { ResolveService } from './webhook-client.ts';

export interface ClusterOptions {
  clock: Clock;
  /** The minor version of Kubernetes. */
  minor: number;
  faults: Faults;
  resolveService: ResolveService;
  serviceAccountTokens: boolean;
}

const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** What is behind the HTTP API: storage, admission, controllers. */
export class Cluster {
  readonly resources: ApiResources;
  readonly store = new ObjectStore();
  readonly writer: ObjectWriter;
  readonly webhooks: AdmissionWebhooks;
  readonly #client: WebhookClient;
  readonly #serviceAccountTokens: boolean;
  readonly #stopping = new AbortController();

  constructor({ clock, minor, faults, resolveService, serviceAccountTokens }: ClusterOptions) {
    const { store } = this;
    this.#serviceAccountTokens = serviceAccountTokens;
    this.resources = new ApiResources(minor);
    const namespaces = this.resources.of(known.namespaces);
    const serviceAccounts = this.resources.of(known.serviceAccounts);
    const configurations = this.resources.of(known.mutatingWebhookConfigurations);
    this.#client = new WebhookClient(resolveService);
    this.webhooks = new AdmissionWebhooks(this.#client, clock, ({ resource }, body) =>
      decode(resource, body, { minor }),
    );
    const lookups = {
      namespace: (name: string) => store.get(namespaces, '', name)?.object as Namespace | undefined,
      webhookConfigurations: () =>
        store.list(configurations).map(({ object }) => object as unknown as MutatingWebhookConfiguration),
      isQuotaExceeded: (resource: string, namespace: string) => faults.isQuotaExceeded(resource, namespace),
    };
    const findAccount = (namespace: string, name: string) =>
      store.get(serviceAccounts, namespace, name)?.object as ServiceAccount | undefined;
    const plugin = new ServiceAccountPlugin(findAccount);
    const admission = new AdmissionChain(lookups, plugin, this.webhooks);
    this.writer = new ObjectWriter({ store, admission, clock, minor });
  }

  /** Starts the controllers and makes the namespaces that every cluster has. */
  async start(): Promise<void> {
    const { store, writer, resources } = this;
    const context: ControllerContext = { store, writer, resources, signal: this.#stopping.signal };
    startNamespaceController(context);
    startServiceAccountController(context);
    if (this.#serviceAccountTokens) startTokenController(context);
    startReplicaSetController(context);
    startDeploymentController(context);
    startGarbageCollector(context);
    const resource = resources.of(known.namespaces);
    for (const name of systemNamespaces) {
      await writer.create({ resource, namespace: '', name: '' }, { metadata: { name } }, writeAs('bootstrap'));
    }
  }

  stop(): void {
    this.#stopping.abort();
    this.#client.close();
  }
}
