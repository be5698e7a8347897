import { KubeApiError } from '../errors.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { Secret } from '../kube/objects.ts';
import type { Reflector } from '../kube/reflector.ts';
import { resources } from '../kube/resources.ts';
import { pullSecret, type PullSecretContent } from './pull-secret.ts';
import {
  foreignReason,
  writeReason,
  type ForeignReason,
  type ObservedSecret,
  type WriteReason,
} from './secret-drift.ts';

/** What came of the wish that a namespace hold a current pull Secret. */
export type EnsureOutcome = 'UpToDate' | 'Written' | 'NoCredential' | 'Foreign' | 'NamespaceGone';

export interface PullSecretWriterOptions {
  client: Pick<KubeClient, 'apply'>;
  secrets: Pick<Reflector<Secret, ObservedSecret>, 'get' | 'observe'>;
  secretName: string;
  /** What every pull Secret is to hold now; undefined when there is no live token. */
  desired: () => { content: PullSecretContent; staleHash: string | undefined } | undefined;
  onWritten: (namespace: string, reason: WriteReason) => void;
}

/** The one writer of pull Secrets: what reconciliation and admission want at the same moment becomes one write. */
export class PullSecretWriter {
  readonly #options: PullSecretWriterOptions;
  readonly #inFlight = new Map<string, { hash: string; outcome: Promise<EnsureOutcome> }>();

  constructor(options: PullSecretWriterOptions) {
    this.#options = options;
  }

  /** Is there a Secret of ours in that namespace, whatever its content? Reconciliation sees to the content. */
  isKnown(namespace: string): boolean {
    const observed = this.#observed(namespace);
    return observed !== undefined && foreignReason(observed) === null;
  }

  /** Why the Secret in that namespace is not ours to write, or null. */
  foreign(namespace: string): ForeignReason | null {
    return foreignReason(this.#observed(namespace));
  }

  /** @throws KubeApiError when the API server refuses for now or cannot be reached. */
  async ensure(namespace: string): Promise<EnsureOutcome> {
    const desired = this.#options.desired();
    if (!desired) return 'NoCredential';
    const { hash } = desired.content;
    const running = this.#inFlight.get(namespace);
    if (running?.hash === hash) return running.outcome;
    // An older content is under way: this one must come after it.
    await running?.outcome.catch(() => undefined);
    if (this.#inFlight.get(namespace) !== running) return this.ensure(namespace);
    const outcome = this.#write(namespace, desired).finally(() => this.#inFlight.delete(namespace));
    this.#inFlight.set(namespace, { hash, outcome });
    return outcome;
  }

  async #write(
    namespace: string,
    { content, staleHash }: { content: PullSecretContent; staleHash: string | undefined },
  ): Promise<EnsureOutcome> {
    const { client, secrets, secretName: name, onWritten } = this.#options;
    const observed = this.#observed(namespace);
    if (foreignReason(observed)) return 'Foreign';
    const reason = writeReason({ observed, desired: content, staleHash });
    if (!reason) return 'UpToDate';
    const secret = pullSecret({ namespace, name }, content);
    // Decided on that very Secret: if another replica wrote since, its watch event brings us back here.
    if (observed) secret.metadata.resourceVersion = observed.resourceVersion;
    try {
      secrets.observe(await client.apply(resources.secrets, secret, { timeoutMs: 10_000 }));
    } catch (error) {
      return outcomeOf(error);
    }
    onWritten(namespace, reason);
    return 'Written';
  }

  #observed(namespace: string): ObservedSecret | undefined {
    return this.#options.secrets.get(`${namespace}/${this.#options.secretName}`);
  }
}

/** @throws the error, when trying again may help. */
function outcomeOf(error: unknown): EnsureOutcome {
  if (!(error instanceof KubeApiError)) throw error;
  if (error.status === 404 || error.code === 'NamespaceTerminating') return 'NamespaceGone';
  throw error;
}
