import type { ObservedCluster } from '../../src/app/cluster-state.ts';
import type { Config } from '../../src/config/config.ts';
import { LoopGuard } from '../../src/kube/loop-guard.ts';
import type { ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import type { SecretReferences } from '../../src/targets/secret-references.ts';
import { ServiceAccountReconciler } from '../../src/targets/service-account-reconciler.ts';
import { ServiceAccountWriter } from '../../src/targets/service-account-writer.ts';
import { configWith } from '../builders/config.ts';
import { namespaceNamed, refAt, serviceAccountAt } from '../builders/kube-objects.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryApi } from './memory-api.ts';
import { observedCluster, SECRET_NAME } from './observed-cluster.ts';

const { serviceAccounts, namespaces } = resources;

/** A cluster with the namespaces `a` and `b`, and the reconciliation of its ServiceAccounts. */
export class ReconciledAccounts {
  readonly api: MemoryApi;
  readonly clock: ManualClock;
  readonly stop: AbortController;
  /** Undefined while nothing is to be done. */
  config: Config | undefined = configWith();
  canAttach = true;
  /** What the ServiceAccounts of targets are to name. */
  wanted: SecretReferences = { attach: [SECRET_NAME], keep: [SECRET_NAME] };
  /** Do updates of ServiceAccounts come to the webhook? */
  isReached = false;
  /** The namespaces whose pull Secret is somebody else's. */
  foreign: readonly string[] = [];
  readonly failures: string[] = [];
  readonly fights: string[][] = [];
  readonly observed: ObservedCluster;
  readonly reconciler: ServiceAccountReconciler;

  static async create(): Promise<ReconciledAccounts> {
    const [api, clock, stop] = [new MemoryApi(), new ManualClock(), new AbortController()];
    for (const name of ['a', 'b']) api.put(namespaces, namespaceNamed(name));
    return new ReconciledAccounts(api, clock, stop, await observedCluster(api, clock, stop.signal));
  }

  private constructor(api: MemoryApi, clock: ManualClock, stop: AbortController, observed: ObservedCluster) {
    this.api = api;
    this.clock = clock;
    this.stop = stop;
    this.observed = observed;
    this.reconciler = new ServiceAccountReconciler({
      clock,
      rules: () => this.config,
      namespaces: observed.namespaces,
      serviceAccounts: observed.serviceAccounts,
      writer: new ServiceAccountWriter({
        client: api,
        serviceAccounts: observed.serviceAccounts,
        reachedByWebhook: () => this.isReached,
        onPatched: () => undefined,
      }),
      references: (namespace) =>
        this.canAttach && !this.foreign.includes(namespace) ? this.wanted : { ...this.wanted, attach: [] },
      loopGuard: new LoopGuard({ clock, onFight: ({ name }, rivals) => this.fights.push([name, ...rivals]) }),
      onFailure: (key) => this.failures.push(key),
    });
  }

  /** Somebody writes a ServiceAccount, `namespace/name`, with a list of these names. */
  put(key: string, names?: string[], metadata?: ServiceAccount['metadata']): ServiceAccount {
    return this.api.put(serviceAccounts, serviceAccountAt(key, names, metadata));
  }

  /** What its list names, as it is stored. */
  namesAt(key: string): (string | undefined)[] {
    const account: ServiceAccount | undefined = this.api.read(serviceAccounts, refAt(key));
    return account?.imagePullSecrets?.map(({ name }) => name) ?? [];
  }

  patchesOf(key: string): number {
    return this.api.count({ verb: 'jsonPatch', key });
  }

  async begin(): Promise<void> {
    await this.clock.pass(0);
    this.reconciler.start(this.stop.signal);
    await this.clock.pass(0);
  }

  async configure(fields: Partial<Config>): Promise<void> {
    this.config = configWith(fields);
    this.reconciler.reconcileAll();
    await this.clock.pass(0);
  }
}
