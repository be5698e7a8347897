import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createCa, issueServingCertificate } from '../../../src/certificates/certificate-issuer.ts';
import type { Secret } from '../../../src/kube/objects.ts';
import { freePorts } from '../../contract/free-ports.ts';
import type { CloudEmulator } from '../../sandbox/cloud/cloud-emulator.ts';
import type { IssuedToken } from '../../sandbox/cloud/registry-store.ts';
import { ConnectProxy } from './connect-proxy.ts';
import type { ImageContent } from './image-layout.ts';
import { RegistryProcess } from './registry-process.ts';
import { type Pull, Skopeo } from './skopeo.ts';
import { type Judge, TokenServer } from './token-server.ts';

/** One instance of the cloud's registry. */
export interface PrivateRegistry {
  /** What it calls itself towards the authorization server. */
  service: string;
  /** The hosts that it is found under. */
  domains: readonly string[];
  /** May whoever has this token pull from this repository? */
  admits: (token: IssuedToken, repository: string) => boolean;
}

const SCRIPT = join(import.meta.dirname, '..', '..', 'cluster', 'registry-tools.sh');
const AUTHORIZATION_HOST = 'dockerauth.cn-hangzhou.aliyuncs.com';
const LIFETIME_MS = 86_400_000;

/**
 * Real registries, found by their real names, that let in whoever has a token which the emulated cloud gave out and which is
 * still good; and skopeo, which finds them through a proxy. The machine's own name resolution and trust stay as they are.
 */
export class PrivateRegistries implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #administrator = { username: 'administrator', password: randomBytes(16).toString('hex') };
  readonly #cloud: CloudEmulator;
  readonly #registries: readonly PrivateRegistry[];
  #skopeo: Skopeo | undefined;
  #ca = '';

  private constructor(cloud: CloudEmulator, registries: readonly PrivateRegistry[]) {
    this.#cloud = cloud;
    this.#registries = registries;
  }

  /** @param proxyPort of the proxy that leads to them; 0: a free one. */
  static async start(
    cloud: CloudEmulator,
    registries: readonly PrivateRegistry[],
    proxyPort = 0,
  ): Promise<PrivateRegistries> {
    const all = new PrivateRegistries(cloud, registries);
    try {
      await all.#start(proxyPort);
    } catch (error) {
      await all[Symbol.asyncDispose]();
      throw error;
    }
    return all;
  }

  /** Puts an image there, as the registries' administrator. @returns its digest. */
  push(image: string, content?: ImageContent): Promise<string> {
    const { username, password } = this.#administrator;
    const auths = { [image.slice(0, image.indexOf('/'))]: { auth: btoa(`${username}:${password}`) } };
    return this.#started.push(image, JSON.stringify({ auths }), content);
  }

  /** Pulls an image with the logins of a pull Secret and no others. */
  pull(image: string, secret?: Secret): Promise<Pull> {
    const logins = secret?.data?.['.dockerconfigjson'] ?? btoa('{}');
    return this.#started.pull(image, Buffer.from(logins, 'base64').toString());
  }

  /**
   * Makes a containerd trust them that finds them through the proxy.
   * @param directory its `config_path`. Source: containerd's docs/hosts.md
   */
  async introduceTo(directory: string): Promise<void> {
    for (const domain of this.#registries.flatMap(({ domains }) => domains)) {
      await mkdir(join(directory, domain), { recursive: true });
      await writeFile(join(directory, domain, 'hosts.toml'), `[host."https://${domain}"]\nca = "${this.#ca}"\n`);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }

  async #start(proxyPort: number): Promise<void> {
    const { stdout: tools } = await promisify(execFile)(SCRIPT);
    const directory = await mkdtemp(join(tmpdir(), 'acr-credential-injector-registries-'));
    this.#stack.defer(() => rm(directory, { recursive: true }));
    const hosts = [AUTHORIZATION_HOST, ...this.#registries.flatMap(({ domains }) => domains)];
    const { pair, paths: tls } = await writeCertificates(directory, hosts);
    this.#ca = tls.ca;
    const tokens = this.#stack.use(await TokenServer.start(pair, this.#judge));
    const ports = new Map([[AUTHORIZATION_HOST, tokens.port]]);
    const firstPort = await freePorts(this.#registries.length);
    for (const [index, { service, domains }] of this.#registries.entries()) {
      const port = firstPort + index;
      const authorization = { service, realm: `https://${AUTHORIZATION_HOST}/auth`, issuer: TokenServer.issuer };
      const command = join(tools.trim(), 'docker-registry');
      this.#stack.use(await RegistryProcess.start({ command, directory, port, privacy: { tls, authorization } }));
      for (const domain of domains) ports.set(domain, port);
    }
    const { url: proxy } = this.#stack.use(await ConnectProxy.start(ports, proxyPort));
    this.#skopeo = new Skopeo({ command: join(tools.trim(), 'skopeo'), directory, proxy });
  }

  readonly #judge: Judge = (service, { username, password }) => {
    const { username: name, password: secret } = this.#administrator;
    if (username === name && password === secret) return () => ['pull', 'push'];
    const token = this.#cloud.liveToken(username, password);
    const registry = this.#registries.find((candidate) => candidate.service === service);
    return token && registry && ((repository) => (registry.admits(token, repository) ? ['pull'] : []));
  };

  get #started(): Skopeo {
    if (!this.#skopeo) throw new Error('the registries have not been started');
    return this.#skopeo;
  }
}

/** A CA, and a pair for everything that the hosts do; the files are what the processes find them by. */
async function writeCertificates(directory: string, hosts: readonly string[]) {
  const ca = await createCa(LIFETIME_MS, Date.now());
  const pair = await issueServingCertificate(ca, hosts, LIFETIME_MS, Date.now());
  const paths = {
    ca: join(directory, 'ca.crt'),
    certificate: join(directory, 'pair.pem'),
    key: join(directory, 'pair.key.pem'),
  };
  await writeFile(paths.ca, ca.cert);
  await writeFile(paths.certificate, pair.cert);
  await writeFile(paths.key, pair.key, { mode: 0o600 });
  return { pair, paths };
}
