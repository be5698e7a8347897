import { KubeApiError } from '../errors.ts';
import { ifThere } from '../kube/if-there.ts';
import type { JsonPatchOperation, KubeClient, WriteOptions } from '../kube/kube-client.ts';
import type { ServiceAccount } from '../kube/objects.ts';
import type { ObjectCache } from '../kube/reflector.ts';
import { resources, type ObjectRef } from '../kube/resources.ts';
import { fieldManagerFor, releasePatch } from './list-ownership.ts';
import { attachPatch, detachPatch, references, type ObservedServiceAccount } from './service-account-drift.ts';

export interface ServiceAccountWriterOptions {
  client: Pick<KubeClient, 'get' | 'jsonPatch'>;
  serviceAccounts: Pick<ObjectCache<ServiceAccount, ObservedServiceAccount>, 'observe'>;
  /** Would an UPDATE of a ServiceAccount in that namespace come to our own webhook? */
  reachedByWebhook: (namespace: string) => boolean;
  onPatched: (ref: Required<ObjectRef>, reason: 'Attached' | 'Detached' | 'OwnershipReleased') => void;
}

/** How often a patch is made anew because somebody else changed the ServiceAccount meanwhile. */
const MAX_CONFLICTS = 5;
const OUTPACED_WITHIN_MS = 2_000;

/**
 * Changes `imagePullSecrets` of ServiceAccounts without ever losing an entry of somebody else or staying the list's owner.
 * Every method throws a KubeApiError when the API server refuses for now; a ServiceAccount that is gone is done.
 */
export class ServiceAccountWriter {
  readonly #options: ServiceAccountWriterOptions;
  readonly #turns = new Map<string, Promise<void>>();

  constructor(options: ServiceAccountWriterOptions) {
    this.#options = options;
  }

  async attach(ref: Required<ObjectRef>, secretNames: readonly string[]): Promise<void> {
    if (this.#options.reachedByWebhook(ref.namespace) && (await this.#attachThroughAdmission(ref, secretNames))) return;
    await this.#inTurn(ref, () => this.#patch(ref, 'Attached', (current) => attachPatch(current, secretNames)));
  }

  async detach(ref: Required<ObjectRef>, secretNames: readonly string[]): Promise<void> {
    await this.#inTurn(ref, () => this.#patch(ref, 'Detached', (current) => detachPatch(current, secretNames)));
  }

  async releaseOwnership(ref: Required<ObjectRef>): Promise<void> {
    await this.#inTurn(ref, async () => {
      const current = await this.#get(ref);
      if (current) await this.#release(ref, current);
    });
  }

  /** An empty patch still runs admission, where our webhook appends the entries, which are then owned by nobody. */
  async #attachThroughAdmission(ref: Required<ObjectRef>, secretNames: readonly string[]): Promise<boolean> {
    const patched = await this.#send(ref, []);
    if (!patched) return true;
    const attached = secretNames.every((name) => references(patched.imagePullSecrets, name));
    if (attached) this.#options.onPatched(ref, 'Attached');
    return attached;
  }

  /** Works on a ServiceAccount when what was begun before is done. */
  async #inTurn(ref: Required<ObjectRef>, work: () => Promise<void>): Promise<void> {
    const key = keyOf(ref);
    const turn = (this.#turns.get(key) ?? Promise.resolve()).then(work, work);
    this.#turns.set(key, turn);
    try {
      await turn;
    } finally {
      if (this.#turns.get(key) === turn) this.#turns.delete(key);
    }
  }

  async #patch(
    ref: Required<ObjectRef>,
    reason: 'Attached' | 'Detached',
    operationsFor: (current: ServiceAccount) => JsonPatchOperation[] | null,
  ): Promise<void> {
    let current = await this.#get(ref);
    for (let conflicts = 0; current; conflicts++) {
      const operations = operationsFor(current);
      if (!operations) return;
      try {
        const fieldManager = fieldManagerFor(current);
        const patched = await this.#send(ref, [isUnchanged(current), ...operations], { fieldManager });
        if (!patched) return;
        this.#options.onPatched(ref, reason);
        await this.#release(ref, patched);
        return;
      } catch (error) {
        if (!mayBeConflict(error)) throw error;
        const latest = await this.#get(ref);
        if (latest?.metadata.resourceVersion === current.metadata.resourceVersion) throw error;
        if (conflicts >= MAX_CONFLICTS) throw outpaced(error);
        current = latest;
      }
    }
  }

  async #release(ref: Required<ObjectRef>, current: ServiceAccount): Promise<void> {
    const operations = releasePatch(current);
    if (!operations) return;
    try {
      await this.#send(ref, operations);
      this.#options.onPatched(ref, 'OwnershipReleased');
    } catch (error) {
      // Changed since: the watch event of that change comes back to what is left of our ownership.
      if (!mayBeConflict(error)) throw error;
    }
  }

  async #send(
    ref: Required<ObjectRef>,
    operations: JsonPatchOperation[],
    options?: WriteOptions,
  ): Promise<ServiceAccount | undefined> {
    const { client, serviceAccounts } = this.#options;
    const patched = await ifThere(
      client.jsonPatch<ServiceAccount>(resources.serviceAccounts, ref, operations, options),
    );
    if (patched) serviceAccounts.observe(patched);
    return patched;
  }

  #get(ref: Required<ObjectRef>): Promise<ServiceAccount | undefined> {
    return ifThere(this.#options.client.get<ServiceAccount>(resources.serviceAccounts, ref));
  }
}

/** The patch says whom the list belonged to before, so nobody else may have written in between. */
function isUnchanged({ metadata }: ServiceAccount): JsonPatchOperation {
  return { op: 'test', path: '/metadata/resourceVersion', value: metadata.resourceVersion };
}

function keyOf({ namespace, name }: Required<ObjectRef>): string {
  return `${namespace}/${name}`;
}

/** A failed `test` is a 422, and so is much that no second try would mend. */
function mayBeConflict(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && (error.status === 409 || error.status === 422);
}

/** Who was always slower than somebody else gains nothing by waiting ever longer, as for a server that has too much to do. */
function outpaced({ message, code, status }: KubeApiError): KubeApiError {
  return new KubeApiError(message, { code, status, retryable: true, retryWithinMs: OUTPACED_WITHIN_MS });
}
