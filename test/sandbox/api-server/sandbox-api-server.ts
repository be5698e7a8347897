import { randomBytes } from 'node:crypto';
import { dump } from 'js-yaml';
import { systemClock } from '../../../src/clock.ts';
import type { Clock } from '../../../src/clock.ts';
import type { KubeObject } from '../../../src/kube/objects.ts';
import type { Resource } from '../../../src/kube/resources.ts';
import type { AdmissionRecord } from './admission-webhooks.ts';
import { ApiHandler } from './api-handler.ts';
import type { UserInfo } from './api-object.ts';
import { loopbackCertificate } from './certificate.ts';
import { Cluster } from './cluster.ts';
import { discoveryDocuments } from './discovery.ts';
import type { KubernetesVersion } from './discovery.ts';
import { Faults } from './faults.ts';
import { HttpsListener } from './https-listener.ts';
import { ListPages } from './list-pages.ts';
import { openApiDocuments } from './openapi.ts';
import { RequestLog } from './request-log.ts';
import { Router } from './router.ts';
import { WatchHandler } from './watch-handler.ts';
import { WatchHub } from './watch-hub.ts';
import { OpenWatches } from './watch-stream.ts';
import type { ResolveService } from './webhook-client.ts';

export interface SandboxOptions {
  /** 0, the default, for any free one. */
  port?: number;
  /** How many changes of each resource watches can go back to; 10,000 unless told. */
  historySize?: number;
  /** 1.20 unless told. */
  kubernetesVersion?: KubernetesVersion;
  /** What timestamps are read from; what the server waits for, it waits for in real time. */
  clock?: Clock;
  /** A minute unless told. */
  bookmarkIntervalMs?: number;
  /** Where webhooks given as a Service listen, as `host:port`; nowhere unless told. */
  resolveService?: ResolveService;
  /** Give each new ServiceAccount a token Secret and UPDATE it, as clusters before 1.24 do? Not unless told. */
  serviceAccountTokens?: boolean;
}

const defaultVersion: KubernetesVersion = { major: '1', minor: '20', gitVersion: 'v1.20.2' };
const admin: UserInfo = { username: 'admin', uid: '1', groups: ['system:masters', 'system:authenticated'] };

/**
 * The part of a Kubernetes API server that this project deals with, in this process: storage, watches, admission with
 * webhooks, and the controllers that make namespaces, ServiceAccounts and Deployments live. Nobody is refused by RBAC.
 */
export class SandboxApiServer implements AsyncDisposable {
  readonly requests = new RequestLog();
  readonly faults: Faults;
  /** Every call of a webhook, oldest first. */
  readonly admissions: readonly AdmissionRecord[];
  /** Where webhooks given as a Service listen; may be set at any time. */
  resolveService: ResolveService;
  readonly #tokens = new Map<string, UserInfo>();
  readonly #cluster: Cluster;
  readonly #listener: HttpsListener;
  readonly #watches = new OpenWatches();

  private constructor(options: SandboxOptions) {
    const { clock = systemClock, kubernetesVersion = defaultVersion, historySize = 10_000 } = options;
    this.resolveService = options.resolveService ?? (() => undefined);
    const minor = Number.parseInt(kubernetesVersion.minor, 10);
    this.faults = new Faults({
      refuse: () => this.#listener.close(),
      accept: () => this.#listener.open(),
      watches: this.#watches,
      expireHistory: () => {
        hub.expire();
        lists.expire();
      },
    });
    const resolveService: ResolveService = (namespace, name) => this.resolveService(namespace, name);
    this.#cluster = new Cluster({
      clock,
      minor,
      faults: this.faults,
      resolveService,
      serviceAccountTokens: options.serviceAccountTokens ?? false,
    });
    this.admissions = this.#cluster.webhooks.records;
    const { store, writer, resources } = this.#cluster;
    const hub = new WatchHub(store, historySize);
    const lists = new ListPages(store);
    const router = new Router({
      resources,
      userOf: (token) => this.#tokens.get(token),
      documents: new Map([...discoveryDocuments(resources, kubernetesVersion), ...openApiDocuments(resources)]),
      handler: new ApiHandler(store, writer, lists),
      watches: new WatchHandler({
        store,
        hub,
        open: this.#watches,
        faults: this.faults,
        bookmarkIntervalMs: options.bookmarkIntervalMs ?? 60_000,
      }),
      faults: this.faults,
      requests: this.requests,
      clock,
    });
    this.#listener = new HttpsListener(loopbackCertificate(), options.port ?? 0, router.handle);
  }

  /** Listens on 127.0.0.1, with the namespaces that every cluster has. */
  static async start(options: SandboxOptions = {}): Promise<SandboxApiServer> {
    const server = new SandboxApiServer(options);
    await server.#cluster.start();
    await server.#listener.open();
    return server;
  }

  get url(): string {
    return `https://127.0.0.1:${this.#listener.port}`;
  }

  /** Puts objects into storage as they are, past admission: a large cluster in no time. */
  seed(resource: Resource, objects: Iterable<KubeObject>): void {
    const { store, resources } = this.#cluster;
    const { apiVersion, kind } = resource;
    for (const object of objects) store.put(resources.of(resource), { ...object, apiVersion, kind });
  }

  /** How many watches are open now. */
  get openWatches(): number {
    return this.#watches.size;
  }

  /** A kubeconfig with the server's certificate and a token of this user: the administrator unless told. */
  kubeconfig(username: string = admin.username): string {
    const token = randomBytes(16).toString('hex');
    this.#tokens.set(token, username === admin.username ? admin : userNamed(username));
    const certificate = Buffer.from(loopbackCertificate().cert).toString('base64');
    return dump({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'sandbox', cluster: { server: this.url, 'certificate-authority-data': certificate } }],
      users: [{ name: username, user: { token } }],
      contexts: [{ name: 'sandbox', context: { cluster: 'sandbox', user: username } }],
      'current-context': 'sandbox',
    });
  }

  /** Ends the controllers, the calls to webhooks, and every connection. */
  async stop(): Promise<void> {
    this.#cluster.stop();
    await this.#listener.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** A user; a ServiceAccount is in its groups. */
function userNamed(username: string): UserInfo {
  const [, namespace] = /^system:serviceaccount:([^:]+):/.exec(username) ?? [];
  const groups = namespace === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
  return { username, groups: [...groups, 'system:authenticated'] };
}
