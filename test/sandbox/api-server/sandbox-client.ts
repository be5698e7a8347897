import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { Agent, request } from 'undici';
import type { Resource } from '../../../src/kube/resources.ts';
import { pathOf } from '../../../src/kube/resources.ts';

export interface Answer<T = Answered> {
  code: number;
  body: T;
  headers: Record<string, string | string[] | undefined>;
}

/** Any answer of the API, loosely: an object, a list or a Status. */
export interface Answered {
  kind?: string;
  apiVersion?: string;
  metadata: {
    name?: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    continue?: string;
    remainingItemCount?: number;
    deletionTimestamp?: string;
    creationTimestamp?: string;
    generation?: number;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    finalizers?: string[];
    managedFields?: { manager: string; operation: string; fieldsV1: object; time: string }[];
    ownerReferences?: { kind: string; name: string; uid: string }[];
  };
  items?: Answered[];
  message?: string;
  reason?: string;
  code?: number;
  details?: Record<string, unknown>;
  [field: string]: unknown;
}

export interface Ask {
  query?: Record<string, string>;
  headers?: Record<string, string>;
  contentType?: string;
}

export interface WatchLine {
  type: string;
  object: Answered;
}

interface Kubeconfig {
  clusters: {
    cluster: { server: string; 'certificate-authority-data'?: string; 'certificate-authority'?: string };
  }[];
  users: { user: { token: string } }[];
}

/** A plain client of the API for tests: what it sends is what the test says. */
export class SandboxClient implements AsyncDisposable {
  readonly #server: string;
  readonly #token: string;
  readonly #agent: Agent;
  userAgent = 'test-client/1.0';

  constructor(kubeconfig: string) {
    const { clusters, users } = load(kubeconfig) as Kubeconfig;
    const { server, ...authority } = clusters[0]!.cluster;
    const { 'certificate-authority-data': data, 'certificate-authority': file } = authority;
    const ca = file ? readFileSync(file, 'utf8') : Buffer.from(data ?? '', 'base64').toString();
    this.#server = server;
    this.#token = users[0]!.user.token;
    this.#agent = new Agent({ connect: { ca }, connections: 32, bodyTimeout: 0 });
  }

  async send(method: string, path: string, body?: unknown, { query, headers, contentType }: Ask = {}): Promise<Answer> {
    const sent = await this.#request(method, path, body, { query, headers, contentType });
    const text = await sent.body.text();
    const isJson = String(sent.headers['content-type']).includes('json');
    return {
      code: sent.statusCode,
      body: (isJson ? JSON.parse(text) : { message: text }) as Answered,
      headers: sent.headers,
    };
  }

  get(resource: Resource, ref: { namespace?: string; name?: string } = {}, ask: Ask = {}): Promise<Answer> {
    return this.send('GET', pathOf(resource, ref), undefined, ask);
  }

  create(resource: Resource, namespace: string, body: object, ask: Ask = {}): Promise<Answer> {
    return this.send('POST', pathOf(resource, { namespace }), body, ask);
  }

  update(resource: Resource, ref: { namespace?: string; name: string }, body: object, ask: Ask = {}): Promise<Answer> {
    return this.send('PUT', pathOf(resource, ref), body, ask);
  }

  delete(resource: Resource, ref: { namespace?: string; name: string }, body?: object, ask: Ask = {}): Promise<Answer> {
    return this.send('DELETE', pathOf(resource, ref), body, ask);
  }

  /** `type`: `json`, `merge`, `strategic-merge`. */
  patch(
    resource: Resource,
    ref: { namespace?: string; name: string },
    { type, patch }: { type: 'json' | 'merge' | 'strategic-merge'; patch: unknown },
    ask: Ask = {},
  ): Promise<Answer> {
    return this.send('PATCH', pathOf(resource, ref), patch, { ...ask, contentType: `application/${type}-patch+json` });
  }

  /** Server-side apply, as field manager `test-applier` unless the query says otherwise. */
  apply(resource: Resource, ref: { namespace?: string; name: string }, fields: object, ask: Ask = {}): Promise<Answer> {
    const { apiVersion, kind } = resource;
    const body = { apiVersion, kind, metadata: { name: ref.name }, ...fields };
    const query = { fieldManager: 'test-applier', ...ask.query };
    return this.send('PATCH', pathOf(resource, ref), body, {
      ...ask,
      query,
      contentType: 'application/apply-patch+yaml',
    });
  }

  /** The events of a watch as they come, until the server ends it; `close` leaves it. */
  async watch(resource: Resource, query: Record<string, string>, namespace?: string): Promise<OpenedWatch> {
    const { body } = await this.#request('GET', pathOf(resource, { namespace }), undefined, {
      query: { watch: 'true', ...query },
    });
    return new OpenedWatch(body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  #request(method: string, path: string, body: unknown, { query = {}, headers = {}, contentType }: Ask) {
    return request(`${this.#server}${path}`, {
      method: method as 'GET',
      query,
      dispatcher: this.#agent,
      headers: {
        authorization: `Bearer ${this.#token}`,
        'user-agent': this.userAgent,
        ...(body !== undefined && { 'content-type': contentType ?? 'application/json' }),
        ...headers,
      },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
  }
}

/** What came over one watch. */
export class OpenedWatch {
  readonly events: WatchLine[] = [];
  /** How it ended, once it has. */
  ended: 'clean' | 'cut' | undefined;
  readonly #body: AsyncIterable<Buffer> & { destroy(): unknown };

  constructor(body: AsyncIterable<Buffer> & { destroy(): unknown }) {
    this.#body = body;
    void this.#read();
  }

  /** `TYPE name` of every event so far. */
  get seen(): string[] {
    return this.events.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`.trim());
  }

  close(): void {
    this.#body.destroy();
  }

  async #read(): Promise<void> {
    let rest = '';
    try {
      for await (const chunk of this.#body) {
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() ?? '';
        this.events.push(...lines.map((line) => JSON.parse(line) as WatchLine));
      }
      this.ended = 'clean';
    } catch {
      this.ended = 'cut';
    }
  }
}
