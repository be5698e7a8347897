import { sign, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { CertificateKeyPair } from '../../../src/certificates/certificate-facts.ts';

/** Who asks: a user name and a password. */
export interface Login {
  username: string;
  password: string;
}

/** What may be done with a repository, such as `pull`. */
export type Rights = (repository: string) => readonly string[];

/** What somebody may do with a service's repositories; undefined: the login is nobody's. */
export type Judge = (service: string, login: Login) => Rights | undefined;

/** One `scope` of a request: `repository:team/app:pull,push`. */
interface Access {
  type: string;
  name: string;
  actions: readonly string[];
}

/**
 * The authorization server that registries send their clients to.
 * Source: "Token Authentication Specification", https://distribution.github.io/distribution/spec/auth/token/
 */
export class TokenServer implements AsyncDisposable {
  static readonly issuer = 'emulated-authorization-server';
  readonly #certificate: CertificateKeyPair;
  readonly #judge: Judge;
  readonly #server: Server;

  private constructor(certificate: CertificateKeyPair, judge: Judge) {
    this.#certificate = certificate;
    this.#judge = judge;
    this.#server = createServer(certificate, (request, response) => this.#serve(request, response));
  }

  /** @param certificate for TLS and for the tokens' signatures alike. */
  static async start(certificate: CertificateKeyPair, judge: Judge): Promise<TokenServer> {
    const tokens = new TokenServer(certificate, judge);
    tokens.#server.listen(0, '127.0.0.1');
    await once(tokens.#server, 'listening');
    return tokens;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET') {
      response.writeHead(405).end(); // clients that try OAuth 2.0 first go back to a GET then
      return;
    }
    const { searchParams } = new URL(request.url ?? '/', 'https://localhost');
    const service = searchParams.get('service') ?? '';
    const login = loginOf(request);
    const rights = login ? this.#judge(service, login) : () => []; // whoever comes without a login may see what is public
    if (rights === undefined) {
      const errors = [{ code: 'UNAUTHORIZED', message: 'authentication required' }];
      response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify({ errors }));
      return;
    }
    const access = searchParams.getAll('scope').map((scope) => granted(scope, rights));
    const token = this.#token({ aud: service, sub: login?.username ?? '', access });
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token }));
  }

  #token(claims: { aud: string; sub: string; access: readonly Access[] }): string {
    const now = Math.floor(Date.now() / 1000);
    const chain = [new X509Certificate(this.#certificate.cert).raw.toString('base64')];
    const period = { iat: now, nbf: now - 60, exp: now + 60 };
    const parts = [
      { typ: 'JWT', alg: 'RS256', x5c: chain },
      { iss: TokenServer.issuer, ...period, ...claims },
    ];
    const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${signed}.${sign('sha256', Buffer.from(signed), this.#certificate.key).toString('base64url')}`;
  }
}

function loginOf({ headers }: IncomingMessage): Login | undefined {
  const [, encoded] = /^Basic (\S+)$/.exec(headers.authorization ?? '') ?? [];
  const text = Buffer.from(encoded ?? '', 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** What was asked for, less what is not allowed. */
function granted(scope: string, rights: Rights): Access {
  const [type = '', name = '', asked = ''] = scope.split(':');
  const allowed = type === 'repository' ? rights(name) : [];
  return { type, name, actions: asked.split(',').filter((action) => allowed.includes(action)) };
}
