import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { getAuthorizationToken, getPersonalToken, listInstance, listInstanceEndpoint } from './acr-actions.ts';
import { Authenticator } from './authenticator.ts';
import { type CloudReply, CloudRefusal, type CloudRequest } from './cloud-request.ts';
import { headerOf, parameterOf, readRequest, replyOf } from './cloud-request.ts';
import { type Fault, FaultPlan } from './faults.ts';
import {
  type AccessKeyPair,
  defaultAccountId,
  type EmulatedAccount,
  type EmulatedRole,
  IdentityStore,
} from './identity-store.ts';
import { encryptManagedToken } from './managed-token.ts';
import { type EmulatedNode, MetadataService } from './metadata-service.ts';
import { type EmulatedInstance, type IssuedToken, RegistryStore } from './registry-store.ts';
import { assumeRole, assumeRoleWithOidc } from './sts-actions.ts';

export interface CloudEmulatorOptions {
  /** Decides when tokens and sessions expire. Default: the machine's. */
  clock?: Clock;
  /** Default: a free one. */
  port?: number;
  /** Default: 127.0.0.1. */
  host?: string;
  /** Default: 1 h, as the cloud's. */
  tokenLifeMs?: number;
  /** PEM; with it the emulator speaks HTTPS. */
  certificate?: { key: string; cert: string };
}

/** One request of the OpenAPI or the metadata service, in order of arrival. */
export interface CloudCall {
  /** The action's name; the path for the metadata service. */
  action: string;
  version: string;
  /** Empty: none was given. */
  instanceId: string;
  /** The host header: names the region where a client uses the cloud's own host names. */
  host: string;
  accessKeyId: string;
  /** Empty: none was given. */
  securityToken: string;
  /** As the request line has it. */
  pathAndQuery: string;
  /** Of query and form alike. */
  parameters: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  at: number;
  /** 0 until it is answered; stays so when the connection breaks. */
  status: number;
}

/** Alibaba Cloud in one process: the registry's OpenAPI, the Security Token Service and an ECS instance's metadata. */
export class CloudEmulator implements AsyncDisposable {
  /** May be changed at any time: the life of registry tokens from now on. */
  tokenLifeMs: number;
  readonly calls: CloudCall[] = [];
  readonly faults = new FaultPlan();
  readonly #secrets = new Set<string>();
  readonly #identities = new IdentityStore(this.#secrets);
  readonly #registries = new RegistryStore(this.#secrets);
  readonly #authenticator = new Authenticator(this.#identities, this.#secrets);
  readonly #metadata = new MetadataService(this.#identities, this.#secrets);
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  readonly #server: Server;
  readonly #protocol: 'http' | 'https';

  private constructor(options: CloudEmulatorOptions) {
    this.#clock = options.clock ?? systemClock;
    this.tokenLifeMs = options.tokenLifeMs ?? 3_600_000;
    const serve = (incoming: IncomingMessage, outgoing: ServerResponse) => void this.#serve(incoming, outgoing);
    const { certificate } = options;
    this.#protocol = certificate === undefined ? 'http' : 'https';
    this.#server = certificate === undefined ? createServer(serve) : createSecureServer(certificate, serve);
  }

  static async start(options: CloudEmulatorOptions = {}): Promise<CloudEmulator> {
    const emulator = new CloudEmulator(options);
    await new Promise<void>((resolve, reject) => {
      emulator.#server.once('error', reject);
      emulator.#server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
    });
    return emulator;
  }

  /** For `--cr-endpoint`, `--sts-endpoint` and `--metadata-endpoint` alike. */
  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `${this.#protocol}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  addAccount(account: EmulatedAccount): void {
    this.#identities.addAccount(account);
  }

  /** A fresh pair for the same account; the old one is unknown from now on. */
  rotate(accessKeyId: string): AccessKeyPair {
    return this.#identities.rotate(accessKeyId);
  }

  /** The AccessKey or session is unknown from now on; registry tokens that it got live on. */
  revoke(accessKeyId: string): void {
    this.#identities.revoke(accessKeyId);
  }

  /** The registry tokens that this AccessKey or session got open nothing from now on. */
  endTokens(accessKeyId: string): void {
    this.#registries.endTokens(accessKeyId, this.#clock.now());
  }

  addRole(role: EmulatedRole): void {
    this.#identities.addRole(role);
  }

  addInstance(instance: EmulatedInstance): void {
    this.#registries.addInstance(instance);
  }

  removeInstance(instanceId: string): void {
    this.#registries.removeInstance(instanceId);
  }

  /** There is a Personal instance in the region, of one account or of every one. */
  personal(regionId: string, accountId?: string): void {
    this.#registries.addPersonal(regionId, accountId);
  }

  /** The ECS instance whose metadata is served. */
  setNode(node: Partial<EmulatedNode>): void {
    this.#metadata.node = { ...this.#metadata.node, ...node };
  }

  /** The content of the file through which a managed cluster hands out a session; each time a new one. */
  managedToken(options: { accountId?: string; lifeMs?: number } = {}): string {
    const { accountId = defaultAccountId, lifeMs = 3_600_000 } = options;
    return encryptManagedToken(this.#identities.openSession(accountId, this.#clock.now() + lifeMs));
  }

  get issuedTokens(): readonly IssuedToken[] {
    return this.#registries.issuedTokens;
  }

  /** What a registry asks: does this username and password open anything now? */
  isLive(username: string, password: string): boolean {
    return this.liveToken(username, password) !== undefined;
  }

  liveToken(username: string, password: string): IssuedToken | undefined {
    return this.#registries.liveToken(username, password, this.#clock.now());
  }

  /** Every secret that the emulator ever knew, issued or saw on the wire: none may be found in a log. */
  secrets(): string[] {
    return [...this.#secrets];
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    try {
      const request = await readRequest(incoming);
      const call = this.#record(request);
      const fault = this.faults.take(call.action, call.instanceId);
      if (fault !== undefined && (await this.#meet(fault, incoming, outgoing))) return;
      const reply = fault?.kind === 'answer' ? fault : rewritten(this.#answer(request, call), fault);
      call.status = reply.status;
      send(outgoing, reply);
    } catch {
      outgoing.destroy();
    }
  }

  /** Plays a fault of the connection; true when there is nothing left to answer. */
  async #meet(fault: Fault, incoming: IncomingMessage, outgoing: ServerResponse): Promise<boolean> {
    if (fault.kind === 'delay') await systemClock.sleep(fault.ms, this.#stopping.signal);
    if (fault.kind === 'reset') incoming.socket.resetAndDestroy();
    if (fault.kind === 'stall') {
      outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
      outgoing.write('{"IsSuccess":');
    }
    return ['hang', 'stall', 'reset'].includes(fault.kind);
  }

  #record(request: CloudRequest): CloudCall {
    const [, signer] = /Credential=([^,]+)/.exec(headerOf(request, 'authorization')) ?? [];
    const isMetadata = request.pathname.startsWith('/latest/');
    const action = headerOf(request, 'x-acs-action') || parameterOf(request, 'Action');
    const call: CloudCall = {
      action: isMetadata ? request.pathname : action,
      version: headerOf(request, 'x-acs-version') || parameterOf(request, 'Version'),
      instanceId: parameterOf(request, 'InstanceId'),
      host: headerOf(request, 'host'),
      accessKeyId: signer ?? parameterOf(request, 'AccessKeyId'),
      securityToken: headerOf(request, 'x-acs-security-token') || parameterOf(request, 'SecurityToken'),
      pathAndQuery: request.pathAndQuery,
      parameters: Object.fromEntries([...request.query, ...request.form]),
      at: this.#clock.now(),
      status: 0,
    };
    this.calls.push(call);
    const oidcToken = parameterOf(request, 'OIDCToken');
    if (oidcToken !== '') this.#secrets.add(oidcToken);
    return call;
  }

  #answer(request: CloudRequest, call: CloudCall): CloudReply {
    const now = this.#clock.now();
    if (request.pathname.startsWith('/latest/')) return this.#metadata.answer(request, now);
    try {
      return { status: 200, body: this.#act(request, call, now) };
    } catch (error) {
      if (error instanceof CloudRefusal) return replyOf(error, call.host);
      throw error;
    }
  }

  #act(request: CloudRequest, call: CloudCall, now: number): object {
    const route = `${call.version} ${request.method} ${request.pathname} ${call.action}`;
    if (route === '2015-04-01 POST / AssumeRoleWithOIDC') return assumeRoleWithOidc(request, this.#identities, now);
    const principal = this.#authenticator.authenticate(request, now);
    const action = { request, principal, registries: this.#registries, now, tokenLifeMs: this.tokenLifeMs };
    switch (route) {
      case '2018-12-01 POST / GetAuthorizationToken':
        return getAuthorizationToken(action);
      case '2018-12-01 POST / ListInstanceEndpoint':
        return listInstanceEndpoint(action);
      case '2018-12-01 POST / ListInstance':
        return listInstance(action);
      case '2016-06-07 GET /tokens GetAuthorizationToken':
        return getPersonalToken(action);
      case '2015-04-01 POST / AssumeRole':
        return assumeRole(request, principal, this.#identities, now);
      default:
        throw new CloudRefusal(404, 'InvalidAction.NotFound', 'Specified api is not found, please check your url.');
    }
  }
}

function rewritten(reply: CloudReply, fault: Fault | undefined): CloudReply {
  if (fault?.kind !== 'rewrite' || reply.status !== 200 || typeof reply.body === 'string') return reply;
  return { ...reply, body: fault.change(reply.body) };
}

function send(outgoing: ServerResponse, { status, body, headers }: CloudReply): void {
  const isText = typeof body === 'string';
  outgoing.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json;charset=utf-8', ...headers });
  outgoing.end(isText ? body : JSON.stringify(body));
}
