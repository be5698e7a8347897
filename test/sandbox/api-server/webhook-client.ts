import { Agent, request } from 'node:https';
import type { RequestOptions } from 'node:https';
import { isIP } from 'node:net';
import type { WebhookClientConfig } from '../../../src/kube/objects.ts';

/** Where a Service listens, as `host:port`; undefined when there is no such Service. */
export type ResolveService = (namespace: string, name: string) => string | undefined;

/** A call that reached no answer; the message is the one that the API server gives. */
export class WebhookCallFailure extends Error {}

interface Target {
  /** The URL as errors show it. */
  url: URL;
  address: { host: string; port: number };
  serverName: string;
}

export interface WebhookCall {
  clientConfig: WebhookClientConfig;
  timeoutSeconds: number;
  /** The AdmissionReview, as JSON. */
  review: string;
}

/** Calls webhooks over HTTPS with connections that are kept, one pool for each certificate bundle and server. */
export class WebhookClient {
  readonly #agents = new Map<string, Agent>();
  readonly #resolveService: ResolveService;

  constructor(resolveService: ResolveService) {
    this.#resolveService = resolveService;
  }

  /** The answer's body. Throws a WebhookCallFailure. */
  async call({ clientConfig, timeoutSeconds, review }: WebhookCall): Promise<string> {
    const target = this.#targetOf(clientConfig);
    target.url.searchParams.set('timeout', `${timeoutSeconds}s`);
    const options: RequestOptions = {
      agent: this.#agentFor(target, clientConfig.caBundle ?? ''),
      ...target.address,
      // An address is no server name; the certificate is checked against the host then.
      ...(isIP(target.serverName) === 0 && { servername: target.serverName }),
      method: 'POST',
      path: target.url.pathname + target.url.search,
      signal: AbortSignal.timeout(timeoutSeconds * 1000),
      headers: {
        host: target.url.host,
        'user-agent': 'kube-apiserver-admission',
        accept: 'application/json, */*',
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(review),
      },
    };
    try {
      return await post(options, review);
    } catch (error) {
      if (error instanceof WebhookCallFailure) throw error;
      throw new WebhookCallFailure(`Post "${target.url.href}": ${describe(error, target)}`);
    }
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  #targetOf({ url: text, service }: WebhookClientConfig): Target {
    if (text !== undefined) {
      const url = new URL(text);
      const host = url.hostname.replace(/^\[|\]$/g, '');
      return { url, address: { host, port: Number(url.port || 443) }, serverName: host };
    }
    const { namespace = '', name = '', path = '', port = 443 } = service ?? {};
    const serverName = `${name}.${namespace}.svc`;
    const resolved = this.#resolveService(namespace, name);
    if (!resolved) throw new WebhookCallFailure(`service "${name}" not found`);
    const colon = resolved.lastIndexOf(':');
    const address = { host: resolved.slice(0, colon), port: Number(resolved.slice(colon + 1)) };
    return { url: new URL(`https://${serverName}:${port}${path || '/'}`), address, serverName };
  }

  #agentFor({ serverName, address }: Target, caBundle: string): Agent {
    const key = `${serverName} ${address.host} ${address.port} ${caBundle}`;
    let agent = this.#agents.get(key);
    if (!agent) {
      const ca = caBundle === '' ? {} : { ca: readBundle(caBundle) };
      // The API server, too, keeps 25 idle connections to a host.
      agent = new Agent({ keepAlive: true, maxFreeSockets: 25, ...ca });
      this.#agents.set(key, agent);
    }
    return agent;
  }
}

function readBundle(caBundle: string): string {
  const bundle = Buffer.from(caBundle, 'base64').toString();
  if (bundle.includes('-----BEGIN CERTIFICATE-----')) return bundle;
  const why = 'unable to load root certificates: unable to parse bytes as PEM block';
  throw new WebhookCallFailure(`could not get REST client: ${why}`);
}

function post(options: RequestOptions, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const { statusCode = 0 } = response;
        if (statusCode === 200) resolve(text);
        else reject(new WebhookCallFailure(describeStatus(statusCode, text)));
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function describeStatus(status: number, body: string): string {
  if (status === 404) return 'the server could not find the requested resource';
  if (status === 400) return 'the server rejected our request for an unknown reason';
  if (status >= 500)
    return `an error on the server (${JSON.stringify(body)}) has prevented the request from succeeding`;
  return `the server responded with the status code ${status} but did not return more details`;
}

function describe(error: unknown, { address, serverName }: Target): string {
  const { code = '', name, message } = error as NodeJS.ErrnoException;
  const dialled = `dial tcp ${address.host}:${address.port}: connect`;
  if (name === 'TimeoutError' || code === 'ABORT_ERR') return 'context deadline exceeded';
  if (code === 'ECONNREFUSED') return `${dialled}: connection refused`;
  if (code === 'ECONNRESET') return 'EOF';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `x509: certificate is not valid for ${serverName}`;
  if (/CERT|SIGNED|ISSUER|SIGNATURE/.test(code)) return 'x509: certificate signed by unknown authority';
  return message;
}
