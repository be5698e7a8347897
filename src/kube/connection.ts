import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';

/** Credentials read from files are read anew this often: kubelet rotates a projected token long before it expires. */
const AUTHENTICATION_LIFE_MS = 10_000;
const IN_CLUSTER_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * Where requests to the API server go and how they authenticate. client-node's KubeConfig understands every kubeconfig;
 * its generated API would make a new dispatcher, and so a new TLS connection, for each request. This keeps one.
 */
export class KubeConnection {
  /** The scheme, host and port of the API server, and what its paths begin with, which is nothing as a rule. */
  readonly origin: string;
  readonly basePath: string;
  readonly #kubeConfig: KubeConfig;
  readonly #clock: Clock;
  #dispatcher: Dispatcher | undefined;
  #dispatcherOptions: unknown;
  #headers: Record<string, string> = {};
  #authenticatedAt = Number.NEGATIVE_INFINITY;

  constructor(kubeConfig: KubeConfig, clock: Clock) {
    const cluster = kubeConfig.getCurrentCluster();
    if (!cluster) throw new Error('the kubeconfig names no current cluster');
    const url = URL.parse(cluster.server);
    if (!url || !/^https?:$/.test(url.protocol))
      throw new Error(`the server of cluster ${cluster.name} is no URL of http or https`);
    this.origin = url.origin;
    this.basePath = url.pathname.replace(/\/+$/, '');
    this.#kubeConfig = kubeConfig;
    this.#clock = clock;
  }

  /** @param kubeconfigPath a file; without it the in-cluster ServiceAccount, else what `KUBECONFIG` names, else `~/.kube/config`. */
  static load(kubeconfigPath: string | undefined, clock: Clock): KubeConnection {
    const kubeConfig = new KubeConfig();
    if (kubeconfigPath) loadFile(kubeConfig, kubeconfigPath);
    else if (process.env.KUBERNETES_SERVICE_HOST && existsSync(IN_CLUSTER_TOKEN)) kubeConfig.loadFromCluster();
    else if (process.env.KUBECONFIG || existsSync(join(homedir(), '.kube', 'config'))) loadFile(kubeConfig, undefined);
    else
      throw new Error('no cluster: this is no Pod, and there is no --kubeconfig, no KUBECONFIG and no ~/.kube/config');
    return new KubeConnection(kubeConfig, clock);
  }

  /** The headers that authenticate a request, and the pooled dispatcher that carries it. */
  async open(): Promise<{ headers: Record<string, string>; dispatcher: Dispatcher }> {
    const now = this.#clock.now();
    if (!this.#dispatcher || Math.abs(now - this.#authenticatedAt) > AUTHENTICATION_LIFE_MS) {
      const dispatcher = await this.#authenticate();
      this.#authenticatedAt = now;
      return { headers: this.#headers, dispatcher };
    }
    return { headers: this.#headers, dispatcher: this.#dispatcher };
  }

  /** Makes the next request read the credentials anew: the server refused them. */
  invalidate(): void {
    this.#authenticatedAt = Number.NEGATIVE_INFINITY;
  }

  async close(): Promise<void> {
    await this.#dispatcher?.destroy();
  }

  async #authenticate(): Promise<Dispatcher> {
    const request: RequestOptions = {};
    await this.#kubeConfig.applyToHTTPSOptions(request);
    this.#headers = headersOf(request);
    const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = request;
    const options = this.#kubeConfig.createDispatcherOptions(this.#kubeConfig.getCurrentCluster(), {
      ...{ ca, cert, key, pfx, passphrase, rejectUnauthorized, servername },
    });
    if (!this.#dispatcher || !isDeepStrictEqual(options, this.#dispatcherOptions)) {
      // The one before stays open for the requests under way and closes when its connections idle out.
      this.#dispatcher = createDispatcher(options);
      this.#dispatcherOptions = options;
    }
    return this.#dispatcher;
  }
}

/** @param path undefined: what `KUBECONFIG` lists, else the user's own. */
function loadFile(kubeConfig: KubeConfig, path: string | undefined): void {
  try {
    if (path) kubeConfig.loadFromFile(path);
    else kubeConfig.loadFromDefault();
  } catch (error) {
    throw new Error(`kubeconfig ${path ?? process.env.KUBECONFIG ?? '~/.kube/config'}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function headersOf(request: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': 'acr-credential-injector' };
  for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = String(value);
  if (request.auth) headers.authorization = `Basic ${Buffer.from(request.auth).toString('base64')}`;
  return headers;
}

function createDispatcher(options: ReturnType<KubeConfig['createDispatcherOptions']>): Dispatcher {
  // HTTP/1.1: one stalled HTTP/2 connection would stall every watch and write at once.
  const pool = { allowH2: false, keepAliveTimeout: 60_000 };
  switch (options.type) {
    case 'none':
      return new Agent(pool);
    case 'agent':
      return new Agent({ ...pool, connect: options.connect });
    case 'proxy':
      return new ProxyAgent({ ...pool, uri: options.uri, requestTls: options.requestTls, connect: options.connect });
    case 'socks':
      throw new Error('a SOCKS proxy to the API server is not supported; use an HTTP proxy');
  }
}
