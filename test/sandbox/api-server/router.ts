import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../../src/clock.ts';
import { messageOf } from '../../../src/errors.ts';
import type { ApiHandler } from './api-handler.ts';
import type { UserInfo } from './api-object.ts';
import type { ApiResources } from './api-resources.ts';
import type { Faults } from './faults.ts';
import { decodeProtobuf, protobufType } from './protobuf.ts';
import { readRequestInfo } from './request-info.ts';
import type { RequestInfo } from './request-info.ts';
import type { LoggedRequest, RequestLog } from './request-log.ts';
import { forbidden, internalError, NoSuchPath, StatusError, toWire, unauthorized } from './status-error.ts';
import type { WatchHandler } from './watch-handler.ts';

export interface RouterOptions {
  resources: ApiResources;
  /** Who a bearer token stands for. */
  userOf: (token: string) => UserInfo | undefined;
  documents: Map<string, object>;
  handler: ApiHandler;
  watches: WatchHandler;
  faults: Faults;
  requests: RequestLog;
  clock: Clock;
}

const probes = ['/healthz', '/livez', '/readyz'];

/** Takes a request from the wire to the handler of its verb, and the answer back. */
export class Router {
  readonly #options: RouterOptions;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    // A client that leaves early is no error of ours.
    response.on('error', () => undefined);
    this.#answer(request, response).catch(() => response.destroy());
  };

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://sandbox');
    const logged = this.#log(request, url);
    try {
      const body = await buffer(request);
      const isProtobuf = logged.contentType === protobufType;
      logged.body = isProtobuf ? JSON.stringify(decodeProtobuf(body)) : body.toString();
      await this.#route(request, url, logged, response);
    } catch (error) {
      if (error instanceof NoSuchPath) {
        sendText(logged, response, 404, '404 page not found\n');
        return;
      }
      const { body } = error instanceof StatusError ? error : internalError(messageOf(error));
      const seconds = body.details?.retryAfterSeconds;
      if (seconds !== undefined) response.setHeader('retry-after', String(seconds));
      this.#send(logged, response, { code: body.code, json: JSON.stringify(toWire(body)) });
    }
  }

  async #route(request: IncomingMessage, url: URL, logged: LoggedRequest, response: ServerResponse): Promise<void> {
    const { faults, documents, resources, watches } = this.#options;
    const user = this.#authenticate(request);
    logged.user = user.username;
    const info = readRequestInfo(resources, request.method ?? 'GET', url.pathname, url.searchParams);
    if (info) describe(logged, info);
    const { delayMs, refusal } = faults.onRequest(logged);
    if (delayMs > 0) await sleep(delayMs);
    if (refusal) throw refusal;
    if (info?.verb === 'watch') {
      watches.serve(info, url.searchParams, logged, response);
    } else if (info) {
      await this.#serve(info, user, { url, logged, response });
    } else if (probes.includes(url.pathname)) {
      sendText(logged, response, 200, 'ok');
    } else {
      const document = documents.get(url.pathname.replace(/(.)\/$/, '$1'));
      if (!document) throw new NoSuchPath();
      this.#send(logged, response, { code: 200, json: JSON.stringify(document) });
    }
  }

  async #serve(
    info: RequestInfo,
    user: UserInfo,
    { url, logged, response }: { url: URL; logged: LoggedRequest; response: ServerResponse },
  ): Promise<void> {
    const warnings = new Set<string>();
    const { userAgent, body } = logged;
    const contentType = logged.contentType === protobufType ? 'application/json' : logged.contentType;
    const query = url.searchParams;
    const warn = (warning: string) => void warnings.add(`299 - ${JSON.stringify(warning)}`);
    try {
      const answer = await this.#options.handler.handle({ info, query, contentType, userAgent, body, user, warn });
      setWarnings(response, warnings);
      this.#send(logged, response, answer);
    } catch (error) {
      setWarnings(response, warnings);
      throw error;
    }
  }

  #send(logged: LoggedRequest, response: ServerResponse, { code, json }: { code: number; json: string }): void {
    logged.status = code;
    if (this.#options.faults.losesAnswer(logged)) {
      response.destroy();
      return;
    }
    response.writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' }).end(json);
  }

  #authenticate({ headers }: IncomingMessage): UserInfo {
    const [, token = ''] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
    const user = this.#options.userOf(token);
    if (!user) throw unauthorized();
    const impersonated = headers['impersonate-user'];
    if (impersonated === undefined) return user;
    if (!user.groups.includes('system:masters')) {
      throw forbidden({ plural: 'users', group: '' }, String(impersonated), 'impersonation is for administrators');
    }
    const groups = [headers['impersonate-group'] ?? []].flat();
    return { username: String(impersonated), groups: [...groups, 'system:authenticated'] };
  }

  #log({ headers }: IncomingMessage, { pathname, searchParams }: URL): LoggedRequest {
    const [contentType = ''] = (headers['content-type'] ?? '').split(';');
    const logged: LoggedRequest = {
      at: this.#options.clock.now(),
      verb: '',
      path: pathname,
      resource: '',
      subresource: '',
      namespace: '',
      name: '',
      query: Object.fromEntries(searchParams),
      userAgent: headers['user-agent'] ?? '',
      contentType,
      user: '',
      dryRun: searchParams.has('dryRun'),
      body: '',
    };
    this.#options.requests.add(logged);
    return logged;
  }
}

function describe(logged: LoggedRequest, { verb, resource, subresource, namespace, name }: RequestInfo): void {
  Object.assign(logged, { verb, resource: resource.plural, subresource, namespace, name });
}

function setWarnings(response: ServerResponse, warnings: Set<string>): void {
  if (warnings.size > 0) response.setHeader('warning', [...warnings]);
}

function sendText(logged: LoggedRequest, response: ServerResponse, code: number, content: string): void {
  logged.status = code;
  response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8' }).end(content);
}
