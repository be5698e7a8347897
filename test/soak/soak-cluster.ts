import { isDeepStrictEqual } from 'node:util';
import { KubeApiError } from '../../src/errors.ts';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import type { KubeObject, Namespace, Secret, ServiceAccount } from '../../src/kube/objects.ts';
import { resources, type ObjectRef, type Resource } from '../../src/kube/resources.ts';
import type { ClusterUser } from '../contract/cluster-user.ts';
import { loginsOf, PULL_SECRET } from '../contract/pull-secret-check.ts';
import type { CloudEmulator } from '../sandbox/cloud/cloud-emulator.ts';
import type { SeededRandom } from '../fakes/seeded-random.ts';

const { namespaces, serviceAccounts, secrets } = resources;
/** Somebody who undoes the same thing more often is fought with, which is not what this is about. */
const SPARED_MS = 25_000;
const MOST_NAMESPACES = 40;

/** People and controllers who work in the namespaces of a cluster, and what has to be true of it whatever they did. */
export class SoakCluster {
  readonly #client: KubeClient;
  readonly #user: ClusterUser;
  readonly #cloud: CloudEmulator;
  readonly #random: SeededRandom;
  /** Entries that somebody else wrote, by `namespace/name` of the ServiceAccount, in order. */
  readonly #foreign = new Map<string, string[]>();
  readonly #namespaces: string[] = [];
  readonly #disturbedAt = new Map<string, number>();
  #bystanders: KubeObject[] = [];
  #count = 0;

  constructor(parts: { client: KubeClient; user: ClusterUser; cloud: CloudEmulator; random: SeededRandom }) {
    this.#client = parts.client;
    this.#user = parts.user;
    this.#cloud = parts.cloud;
    this.#random = parts.random;
  }

  /** What nobody has any business with. */
  async addBystanders(): Promise<void> {
    await this.#user.create(namespaces, { metadata: { name: 'bystander' } });
    const opaque: Secret = { metadata: { namespace: 'bystander', name: PULL_SECRET }, data: { key: btoa('value') } };
    await this.#user.create(secrets, opaque);
    const list = [{ name: PULL_SECRET }, { name: 'own' }];
    const metadata = { namespace: 'bystander', name: 'app' };
    await this.#user.create<ServiceAccount>(serviceAccounts, { metadata, imagePullSecrets: list });
    await this.#user.create(namespaces, { metadata: { name: 'team-foreign' } });
    await this.#user.create(secrets, { ...opaque, metadata: { namespace: 'team-foreign', name: PULL_SECRET } });
    this.#bystanders = await this.#readBystanders();
  }

  async populate(): Promise<void> {
    for (let index = 0; index < 10; index++) await this.#createNamespace();
    for (let index = 0; index < 30; index++) await this.#createServiceAccount();
  }

  /** Does one thing at random; what the cluster refuses or cannot take just now is not done. */
  async act(): Promise<void> {
    const { actions } = this;
    const action = this.#random.pick(actions);
    try {
      await action();
    } catch (error) {
      if (!(error instanceof KubeApiError) && !isUnreachable(error)) throw error;
    }
  }

  get actions(): readonly (() => Promise<unknown>)[] {
    return [
      () => this.#createNamespace(),
      () => this.#createServiceAccount(),
      () => this.#createServiceAccount(),
      () => this.#append(),
      () => this.#append(),
      () => this.#deleteServiceAccount(),
      () => this.#dropReference(),
      () => this.#damageSecret(),
      () => this.#deleteSecret(),
      () => (this.#namespaces.length > 10 ? this.#deleteNamespace() : this.#createNamespace()),
    ];
  }

  /** Everything that is not as it should be; empty in the end. */
  async problems(): Promise<string[]> {
    const problems = await Promise.all([
      ...this.#namespaces.map((namespace) => this.#problemsOfSecret(namespace)),
      ...[...this.#foreign].map(([key, entries]) => this.#problemsOfList(key, entries)),
    ]);
    const isBystanderChanged = !isDeepStrictEqual(await this.#readBystanders(), this.#bystanders);
    return [...problems.flat(), ...(isBystanderChanged ? ['a bystander was changed'] : [])];
  }

  async #problemsOfSecret(namespace: string): Promise<string[]> {
    const secret = await this.#find<Secret>(secrets, { namespace, name: PULL_SECRET });
    const logins = secret ? Object.values(loginsOf(secret)) : [];
    const isLive = logins.length > 0 && logins.every((login) => this.#cloud.isLive(login.username, login.password));
    return isLive ? [] : [`${namespace}: no live pull Secret`];
  }

  async #problemsOfList(key: string, entries: readonly string[]): Promise<string[]> {
    const account = await this.#find<ServiceAccount>(serviceAccounts, refOf(key));
    const names = (account?.imagePullSecrets ?? []).map((entry) => entry.name);
    const others = names.filter((each) => each !== PULL_SECRET);
    return [
      ...(names.includes(PULL_SECRET) ? [] : [`${key}: no reference`]),
      ...(isDeepStrictEqual(others, entries) ? [] : [`${key}: ${others.join()} instead of ${entries.join()}`]),
    ];
  }

  async #createNamespace(): Promise<void> {
    if (this.#namespaces.length >= MOST_NAMESPACES) return;
    const name = `team-${this.#count++}`;
    await this.#user.create<Namespace>(namespaces, { metadata: { name } });
    this.#namespaces.push(name);
  }

  async #deleteNamespace(): Promise<void> {
    const name = this.#random.pick(this.#namespaces);
    this.#namespaces.splice(this.#namespaces.indexOf(name), 1);
    for (const key of this.#foreign.keys()) if (key.startsWith(`${name}/`)) this.#foreign.delete(key);
    await this.#certainly(() => this.#user.delete(namespaces, { name }));
  }

  async #createServiceAccount(): Promise<void> {
    const metadata = { namespace: this.#random.pick(this.#namespaces), name: `app-${this.#count++}` };
    const entries = this.#random.next() < 0.5 ? [] : ['own-1', 'own-2'];
    await this.#user.create<ServiceAccount>(serviceAccounts, {
      metadata,
      ...(entries.length > 0 && { imagePullSecrets: entries.map((name) => ({ name })) }),
    });
    this.#foreign.set(`${metadata.namespace}/${metadata.name}`, entries);
  }

  async #deleteServiceAccount(): Promise<void> {
    if (this.#foreign.size < 10) return;
    const key = this.#random.pick([...this.#foreign.keys()]);
    this.#foreign.delete(key);
    await this.#certainly(() => this.#user.delete(serviceAccounts, refOf(key)));
  }

  #append(): Promise<void> {
    const added = `added-${this.#count++}`;
    return this.#edit(this.#random.pick([...this.#foreign.keys()]), (names) => [...names, added]);
  }

  async #dropReference(): Promise<void> {
    const key = this.#random.pick([...this.#foreign.keys()]);
    if (this.#mayDisturb(key)) await this.#edit(key, (names) => names.filter((name) => name !== PULL_SECRET));
  }

  /** As a careful client does it: on what it has read. */
  async #edit(key: string, change: (names: string[]) => string[]): Promise<void> {
    const current = await this.#client.get<ServiceAccount>(serviceAccounts, refOf(key));
    const names = change((current.imagePullSecrets ?? []).map((entry) => entry.name ?? ''));
    const imagePullSecrets = names.map((each) => ({ name: each }));
    const others = names.filter((each) => each !== PULL_SECRET);
    try {
      await this.#user.replace(serviceAccounts, { ...current, imagePullSecrets });
      this.#foreign.set(key, others);
    } catch (error) {
      // Without an answer nobody knows what the list is now.
      if (!(error instanceof KubeApiError)) this.#foreign.delete(key);
      throw error;
    }
  }

  async #damageSecret(): Promise<void> {
    const ref = this.#someSecret();
    if (!this.#mayDisturb(ref.namespace)) return;
    await this.#user.merge(secrets, ref, { data: { '.dockerconfigjson': btoa('{"auths":{}}') } });
  }

  async #deleteSecret(): Promise<void> {
    const ref = this.#someSecret();
    if (this.#mayDisturb(ref.namespace)) await this.#user.delete(secrets, ref);
  }

  #someSecret(): Required<ObjectRef> {
    return { namespace: this.#random.pick(this.#namespaces), name: PULL_SECRET };
  }

  #mayDisturb(key: string): boolean {
    const now = performance.now();
    if (now - (this.#disturbedAt.get(key) ?? Number.NEGATIVE_INFINITY) < SPARED_MS) return false;
    this.#disturbedAt.set(key, now);
    return true;
  }

  /** Until it is known to be done: what is believed of the cluster is to be true. */
  async #certainly(act: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await act();
        return;
      } catch (error) {
        if (error instanceof KubeApiError && error.status === 404) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  async #readBystanders(): Promise<KubeObject[]> {
    return Promise.all([
      this.#client.get<ServiceAccount>(serviceAccounts, { namespace: 'bystander', name: 'app' }),
      this.#client.get<Secret>(secrets, { namespace: 'bystander', name: PULL_SECRET }),
      this.#client.get<Secret>(secrets, { namespace: 'team-foreign', name: PULL_SECRET }),
      this.#client.get<ServiceAccount>(serviceAccounts, { namespace: 'team-foreign', name: 'default' }),
    ]);
  }

  async #find<T extends KubeObject>(resource: Resource, ref: ObjectRef): Promise<T | undefined> {
    try {
      return await this.#client.get<T>(resource, ref);
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 404) return undefined;
      throw error;
    }
  }
}

function refOf(key: string): Required<ObjectRef> {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
}

function isUnreachable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}
