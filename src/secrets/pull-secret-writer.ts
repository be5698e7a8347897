import type { Clock } from '../clock.ts';
import { KubeApiError } from '../errors.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { KeptObject, LoopGuard } from '../kube/loop-guard.ts';
import type { Secret } from '../kube/objects.ts';
import type { ObjectCache } from '../kube/reflector.ts';
import { resources } from '../kube/resources.ts';
import type { DesiredSecret, DesiredSecrets } from './desired-content.ts';
import { pullSecret, pullSecretNames } from './pull-secret.ts';
import { PullSecretsStates, type PullSecretsState } from './pull-secrets-state.ts';
import {
  foreignReason,
  heldUntil,
  writeReason,
  type DriftState,
  type ForeignReason,
  type ObservedSecret,
  type WriteReason,
} from './secret-drift.ts';

/** What came of the wish that a namespace hold its current pull Secrets. */
export type EnsureOutcome = 'UpToDate' | 'Written' | 'NoCredential' | 'Foreign' | 'NamespaceGone';

/** What came of it, and what follows. */
export interface KeepResult {
  readonly outcome: EnsureOutcome;
  /** See {@link DesiredSecrets.mayNeed}. */
  readonly mayNeed: readonly string[];
  /** In milliseconds; Infinity: no need. */
  readonly lookAgainInMs: number;
}

export interface PullSecretWriterOptions {
  clock: Pick<Clock, 'now'>;
  client: Pick<KubeClient, 'list' | 'apply'>;
  /** Does this replica lead? Then nobody has newer tokens. Default: it does. */
  leads?: () => boolean;
  secrets: Pick<ObjectCache<Secret, ObservedSecret>, 'get' | 'observe' | 'hasSynced'>;
  /** Of the first pull Secret of each namespace. */
  secretName: string;
  /** What a namespace's pull Secrets are to hold now. */
  desired: (namespace: string) => DesiredSecrets;
  loopGuard: Pick<LoopGuard, 'waitMs' | 'wrote' | 'forget'>;
  /** Has each registry that is meant for the namespace answered, or was it asked often enough? Default: yes. */
  isAnswered?: (namespace: string) => boolean;
  /** Is a login that the namespace has to be replaced by one that is asked for right now? Default: no. */
  awaitsSuccessor?: (namespace: string) => boolean;
  onWritten: (namespace: string, reason: WriteReason) => void;
}

/** The one writer of pull Secrets: what reconciliation and admission want at the same moment becomes one write. */
export class PullSecretWriter {
  readonly #options: PullSecretWriterOptions;
  readonly #names: readonly string[];
  readonly #states = new PullSecretsStates();
  readonly #inFlight = new Map<string, { hashes: string; outcome: Promise<EnsureOutcome> }>();

  constructor(options: PullSecretWriterOptions) {
    this.#options = options;
    this.#names = pullSecretNames(options.secretName);
  }

  /** What is known of the namespace's pull Secrets at this moment: the same object until it is something else. */
  stateOf(namespace: string): PullSecretsState {
    return this.#states.of(this.#options.desired(namespace), (name) => this.#observed(namespace, name));
  }

  /** The Secrets that the namespace needs and somebody else has. */
  foreigners(namespace: string): { name: string; reason: ForeignReason }[] {
    return this.#options.desired(namespace).secrets.flatMap(({ name }) => {
      const reason = foreignReason(this.#observed(namespace, name));
      return reason ? [{ name, reason }] : [];
    });
  }

  /**
   * Writes whatever is not as it should be.
   * @throws KubeApiError when the API server refuses for now or cannot be reached.
   */
  ensure(namespace: string): Promise<EnsureOutcome> {
    return this.#ensure(namespace, () => true);
  }

  /**
   * Like {@link ensure}, but leaves a Secret alone for a while that somebody else rewrites again and again. Says when to look again,
   * also at what is held as it is until then.
   */
  async keep(namespace: string): Promise<KeepResult> {
    let lookAgainInMs = Number.POSITIVE_INFINITY;
    const outcome = await this.#ensure(namespace, (secret) => {
      const waitMs = this.#waitMs(namespace, secret);
      if (waitMs > 0) lookAgainInMs = Math.min(lookAgainInMs, waitMs);
      return waitMs === 0;
    });
    const { secrets, mayNeed } = this.#options.desired(namespace);
    for (const secret of secrets) {
      const state = this.#driftOf(namespace, secret);
      const heldMs = heldUntil(state) - state.now;
      if (heldMs > 0) lookAgainInMs = Math.min(lookAgainInMs, heldMs);
    }
    return { outcome, mayNeed, lookAgainInMs };
  }

  /** The namespace is gone, and its Secrets with it. */
  forget(namespace: string): void {
    for (const name of this.#names) this.#options.loopGuard.forget(kept(namespace, name));
  }

  async #ensure(namespace: string, isDue: (secret: DesiredSecret) => boolean): Promise<EnsureOutcome> {
    if (foreignReason(this.#observed(namespace, this.#options.secretName))) return 'Foreign';
    // One that is there is cleared of what it is not to hold any more, even of everything.
    const due = this.#options
      .desired(namespace)
      .secrets.filter((each) => (!each.content.isEmpty || this.#observed(namespace, each.name)) && isDue(each));
    if (due.length === 0) return 'NoCredential';
    const running = this.#inFlight.get(namespace);
    if (!running && due.every((each) => isCurrent(this.#driftOf(namespace, each))))
      return isEmpty(due) ? 'NoCredential' : 'UpToDate';
    const hashes = due.map(({ content }) => content.hash).join();
    if (running?.hashes === hashes) return running.outcome;
    // An older content is under way: this one must come after it.
    await running?.outcome.catch(() => undefined);
    if (this.#inFlight.get(namespace) !== running) return this.#ensure(namespace, isDue);
    const outcome = this.#writeAll(namespace, due).finally(() => this.#inFlight.delete(namespace));
    this.#inFlight.set(namespace, { hashes, outcome });
    return outcome;
  }

  async #writeAll(namespace: string, due: readonly DesiredSecret[]): Promise<EnsureOutcome> {
    const [first = 'NoCredential', ...others] = await Promise.all(due.map((each) => this.#write(namespace, each)));
    if (first === 'Foreign' || first === 'NamespaceGone') return first;
    if (isEmpty(due)) return 'NoCredential';
    return others.includes('Written') ? 'Written' : first;
  }

  async #write(namespace: string, desired: DesiredSecret): Promise<EnsureOutcome> {
    const { client, secrets, loopGuard, onWritten } = this.#options;
    const { name, content } = desired;
    if (!this.#observed(namespace, name)) await this.#lookForIt(namespace, name);
    const state = this.#driftOf(namespace, desired);
    const { observed } = state;
    if (foreignReason(observed)) return 'Foreign';
    const reason = writeReason(state);
    if (!reason) return 'UpToDate';
    const secret = pullSecret({ namespace, name }, content);
    // Decided on that very Secret: if another replica wrote since, its watch event brings us back here.
    if (observed) secret.metadata.resourceVersion = observed.resourceVersion;
    try {
      secrets.observe(await client.apply(resources.secrets, secret, { timeoutMs: 10_000 }));
    } catch (error) {
      return outcomeOf(error);
    }
    loopGuard.wrote(kept(namespace, name), content.hash);
    onWritten(namespace, reason);
    return 'Written';
  }

  #waitMs(namespace: string, desired: DesiredSecret): number {
    const { name, content } = desired;
    const state = this.#driftOf(namespace, desired);
    const isToBeWritten = foreignReason(state.observed) === null && writeReason(state);
    if (!isToBeWritten) return 0;
    return this.#options.loopGuard.waitMs(kept(namespace, name), content.hash, state.observed?.managers ?? []);
  }

  /**
   * A Secret to be made has no version to go by. Where another replica leads, it may be there with newer tokens than ours, and
   * our watch be late, or this process have been stopped for a while. Where the namespace has only just come to be ours, our first
   * list may be under way.
   */
  async #lookForIt(namespace: string, name: string): Promise<void> {
    const { client, secrets, leads } = this.#options;
    if (secrets.hasSynced && (leads?.() ?? true)) return;
    const scope = { namespace, fieldSelector: `metadata.name=${name}` };
    const { items } = await client.list<Secret>(resources.secrets, { ...scope, timeoutMs: 10_000 });
    for (const secret of items) secrets.observe(secret);
  }

  #driftOf(namespace: string, { name, content, staleHash }: DesiredSecret): DriftState {
    const { clock, isAnswered = () => true, awaitsSuccessor = () => false } = this.#options;
    const observed = this.#observed(namespace, name);
    const desired = awaitsSuccessor(namespace) ? { ...content, isPartial: true } : content;
    return { observed, desired, staleHash, isAnswered: () => isAnswered(namespace), now: clock.now() };
  }

  #observed(namespace: string, name: string): ObservedSecret | undefined {
    return this.#options.secrets.get({ namespace, name });
  }
}

/** Ours, and as it should be. */
function isCurrent(state: DriftState): boolean {
  return foreignReason(state.observed) === null && writeReason(state) === null;
}

function isEmpty(secrets: readonly DesiredSecret[]): boolean {
  return secrets.every(({ content }) => content.isEmpty);
}

function kept(namespace: string, name: string): KeptObject {
  return { resource: resources.secrets, namespace, name };
}

/** @throws the error, when trying again may help. */
function outcomeOf(error: unknown): EnsureOutcome {
  if (!(error instanceof KubeApiError)) throw error;
  if (error.status === 404 || error.code === 'NamespaceTerminating') return 'NamespaceGone';
  throw error;
}
