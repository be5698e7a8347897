import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { resources } from '../../../src/kube/resources.ts';
import type { UserInfo } from './api-object.ts';
import { selfSignedCertificate } from './certificate.ts';
import type { Answered } from './sandbox-client.ts';
import { uniqueName } from './test-api.ts';
import type { TestApi } from './test-api.ts';

export interface ReviewRequest {
  uid: string;
  kind: object;
  resource: { resource: string };
  name?: string;
  namespace?: string;
  operation: string;
  userInfo: UserInfo;
  object: Answered;
  oldObject: Answered | null;
  dryRun: boolean;
  options: object;
}

export interface Received {
  url: string;
  headers: IncomingHttpHeaders;
  review: { kind: string; apiVersion: string; request: ReviewRequest };
}

interface Reply {
  allowed?: boolean;
  patch?: object[];
  status?: object;
  warnings?: string[];
  auditAnnotations?: Record<string, string>;
  uid?: string;
}

const certificate = selfSignedCertificate(['hook.system.svc']);
export const caBundle = Buffer.from(certificate.cert).toString('base64');

/** A webhook that answers as the test says, and remembers what it was asked. */
export class TestWebhook implements AsyncDisposable {
  readonly received: Received[] = [];
  /** Connections so far. */
  connections = 0;
  /** A string is sent as it is; nothing is allowed. */
  reply: (request: ReviewRequest) => Reply | string = () => ({});
  status = 200;
  delayMs = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(certificate, (request, response) => {
      void text(request).then(async (body) => {
        const review = JSON.parse(body) as Received['review'];
        this.received.push({ url: request.url ?? '', headers: request.headers, review });
        await sleep(this.delayMs);
        response.writeHead(this.status, { 'content-type': 'application/json' }).end(this.#answer(review.request));
      });
    });
    this.#server.on('secureConnection', () => this.connections++);
  }

  static async start(): Promise<TestWebhook> {
    const webhook = new TestWebhook();
    webhook.#server.listen(0, '127.0.0.1');
    await once(webhook.#server, 'listening');
    return webhook;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}/mutate`;
  }

  get requests(): ReviewRequest[] {
    return this.received.map(({ review }) => review.request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #answer(request: ReviewRequest): string {
    const reply = this.reply(request);
    if (typeof reply === 'string') return reply;
    const { allowed = true, patch, uid = request.uid, ...rest } = reply;
    const encoded = patch && { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
    const response = { uid, allowed, ...rest, ...encoded };
    return JSON.stringify({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response });
  }
}

/** A webhook entry for ServiceAccount and ConfigMap CREATE and UPDATE, with what the test says otherwise. */
export function entry(webhook: { url: string }, fields: object = {}): object {
  return {
    name: 'test.example.com',
    clientConfig: { url: webhook.url, caBundle },
    rules: [
      {
        operations: ['CREATE', 'UPDATE'],
        apiGroups: [''],
        apiVersions: ['v1'],
        resources: ['serviceaccounts', 'configmaps'],
      },
    ],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    ...fields,
  };
}

/** Registers webhooks for a namespace of their own, whose name is returned; `names` gives each configuration's. */
export async function register(api: TestApi, webhooks: object[], names?: string[]): Promise<string> {
  const label = uniqueName('hooked');
  const namespace = await api.namespace({ labels: { hooked: label } });
  const namespaceSelector = { matchLabels: { hooked: label } };
  for (const [index, webhook] of webhooks.entries()) {
    const name = `${names?.[index] ?? 'm'}-${label}`;
    const body = { metadata: { name }, webhooks: [{ namespaceSelector, ...webhook }] };
    const { code, body: answer } = await api.client.create(resources.mutatingWebhookConfigurations, '', body);
    if (code !== 201) throw new Error(answer.message);
  }
  // The real server learns of a configuration a moment later.
  if (api.isReal) await sleep(1500);
  return namespace;
}
