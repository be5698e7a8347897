import { backOffMs } from '../back-off.ts';
import { withDeadline, type Clock } from '../clock.ts';
import { CodedError } from '../errors.ts';
import type { JsonPatchOperation } from '../kube/kube-client.ts';
import type { EnsureOutcome } from '../secrets/pull-secret-writer.ts';
import type { AdmissionOutcome, AdmissionRequest } from './admission-review.ts';
import type { AdmissionView } from './admission-view.ts';
import { answerWithinMs } from './deadline.ts';
import {
  appendReferences,
  firstReason,
  type InjectionDecision,
  type SkipPolicy,
  type SkipReason,
} from './injection.ts';
import { decidePod, hasHandWrittenList } from './pod-injection.ts';
import { decideServiceAccount } from './service-account-injection.ts';

/** Why an object was patched, or refused. */
export type InjectReason =
  'ServiceAccountUpdate' | 'NoCredential' | 'DryRun' | 'SecretKnown' | 'SecretWritten' | 'SecretNotWritten';

/** An answer, with what metrics and logs say of it. */
export interface Verdict {
  outcome: AdmissionOutcome;
  decision: 'allowed' | 'patched' | 'denied';
  reason: SkipReason | InjectReason | 'InternalError';
  /** Of an InternalError. */
  cause?: unknown;
}

export interface AdmissionHandlerOptions {
  clock: Clock;
  /** Undefined before the first configuration. */
  viewOf: (namespace: string) => AdmissionView | undefined;
  ensureSecret: (namespace: string) => Promise<EnsureOutcome>;
}

/** How the wish for a Secret ended, seen from an admission that waits for it. */
type SecretState = EnsureOutcome | 'NotInTime' | 'Refused';

const namespacePolicies: SkipPolicy<AdmissionView>[] = [
  (view) => (view.paused ? 'Paused' : null),
  (view) => (view.optedOut ? 'OptedOut' : null),
  (view) => (view.isTarget ? null : 'NotATarget'),
  (view) => (view.terminating ? 'NamespaceTerminating' : null),
  (view) => (view.foreignSecret ? 'ForeignSecret' : null),
];

/**
 * Turns one request into one decision and one patch from what is in memory, and writes at most the namespace's missing
 * Secret. The order of what follows is that of the outcome table in the documentation: the first match wins.
 */
export class AdmissionHandler {
  readonly #options: AdmissionHandlerOptions;

  constructor(options: AdmissionHandlerOptions) {
    this.#options = options;
  }

  /** @param granted the request's `timeout` parameter. Never rejects. */
  async review(request: AdmissionRequest, granted: string | undefined): Promise<Verdict> {
    const view = this.#options.viewOf(request.namespace);
    if (!view) return skip('NotConfigured');
    try {
      return await this.#reviewWith(view, request, granted);
    } catch (cause) {
      return failed(request, view, cause);
    }
  }

  async #reviewWith(view: AdmissionView, request: AdmissionRequest, granted: string | undefined): Promise<Verdict> {
    const decision = decide(request, view);
    if (!decision.inject) return skip(decision.reason);
    const injection = new Injection(
      request,
      view,
      appendReferences(decision.listPath, decision.list, view.secretNames),
    );
    if (request.resource === 'serviceaccounts' && request.operation === 'UPDATE') {
      return injection.patched('ServiceAccountUpdate');
    }
    if (!view.hasLiveCredential) return injection.withoutSecret('NoCredential');
    if (request.dryRun) return injection.patched('DryRun');
    if (view.secretKnown) return injection.patched('SecretKnown');
    const budgetMs = answerWithinMs(granted, view.timeoutSeconds);
    return injection.after(await this.#secretWithin(request.namespace, budgetMs));
  }

  /** Waits for the Secret, trying again what may succeed, as long as the request allows. */
  async #secretWithin(namespace: string, budgetMs: number): Promise<SecretState> {
    const { clock } = this.#options;
    const deadline = withDeadline(clock, budgetMs);
    const overdue = new Promise<'NotInTime'>((resolve) => {
      deadline.signal.addEventListener('abort', () => resolve('NotInTime'), { once: true });
    });
    try {
      return await Promise.race([overdue, this.#secret(namespace, deadline.signal)]);
    } finally {
      deadline.clear();
    }
  }

  async #secret(namespace: string, signal: AbortSignal): Promise<SecretState> {
    const { clock, ensureSecret } = this.#options;
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        return await ensureSecret(namespace);
      } catch (error) {
        // A quota, a missing right: no denial would mend it, and a later try would end the same.
        if (!(error instanceof CodedError && error.retryable)) return 'Refused';
        const waitMs = error.retryAfterMs ?? backOffMs(failures, { baseMs: 50, capMs: 1_000 });
        await clock.sleep(waitMs, signal).catch(() => undefined);
      }
    }
    return 'NotInTime';
  }
}

function decide(request: AdmissionRequest, view: AdmissionView): InjectionDecision {
  const reason = firstReason(namespacePolicies, view);
  if (reason) return { inject: false, reason };
  const { operation, resource, subresource } = request;
  switch (`${operation} ${resource}/${subresource}`) {
    case 'CREATE serviceaccounts/':
    case 'UPDATE serviceaccounts/':
      return decideServiceAccount(request, view);
    // Only then: the list of a Pod that exists cannot be changed.
    case 'CREATE pods/':
      return decidePod(request, view);
    default:
      return { inject: false, reason: 'UnknownResource' };
  }
}

function skip(reason: SkipReason): Verdict {
  return { outcome: { allowed: true }, decision: 'allowed', reason };
}

/** What was not foreseen: the user's policy decides, as if we had not answered. */
function failed({ operation }: AdmissionRequest, { failurePolicy }: AdmissionView, cause: unknown): Verdict {
  const message = 'acr-credential-injector failed: see its log';
  const isDenied = failurePolicy === 'Fail' && operation === 'CREATE';
  return {
    outcome: isDenied ? { allowed: false, message, retryAfterSeconds: 1 } : { allowed: true, warnings: [message] },
    decision: isDenied ? 'denied' : 'allowed',
    reason: 'InternalError',
    cause,
  };
}

/** A request that is to be patched, and what becomes of it by the state of its namespace's Secret. */
class Injection {
  readonly #request: AdmissionRequest;
  readonly #view: AdmissionView;
  readonly #patch: JsonPatchOperation[];

  constructor(request: AdmissionRequest, view: AdmissionView, patch: JsonPatchOperation[]) {
    this.#request = request;
    this.#view = view;
    this.#patch = patch;
  }

  get #secrets(): string {
    return this.#view.secretNames.join(', ');
  }

  patched(reason: InjectReason, ...warnings: string[]): Verdict {
    const { object, resource } = this.#request;
    const { deadRegistries } = this.#view;
    const noted =
      resource === 'pods' && hasHandWrittenList(object)
        ? [...warnings, `${this.#secrets} was added to the Pod's own imagePullSecrets`]
        : warnings;
    if (reason !== 'NoCredential' && deadRegistries.length > 0) {
      noted.push(`no live token for registry ${deadRegistries.join(', ')}`);
    }
    const auditAnnotations = { 'image-pull-secret': this.#secrets };
    return {
      outcome: { allowed: true, patch: this.#patch, warnings: noted, auditAnnotations },
      decision: 'patched',
      reason,
    };
  }

  /** There is no token, or no Secret in time: pulls may fail, which `Ignore` accepts and `Fail` does not. */
  withoutSecret(reason: 'NoCredential' | 'SecretNotWritten'): Verdict {
    const { failurePolicy } = this.#view;
    const problem =
      reason === 'NoCredential'
        ? 'no registry has a live token'
        : `Secret ${this.#secrets} could not be written in time`;
    if (failurePolicy === 'Ignore') return this.patched(reason, `${problem}; pulling private images may fail for now`);
    const message = `acr-credential-injector: ${problem}; try again`;
    return { outcome: { allowed: false, message, retryAfterSeconds: 1 }, decision: 'denied', reason };
  }

  after(state: SecretState): Verdict {
    switch (state) {
      case 'UpToDate':
      case 'Written':
        return this.patched('SecretWritten');
      case 'NoCredential':
        return this.withoutSecret('NoCredential');
      case 'NotInTime':
        return this.withoutSecret('SecretNotWritten');
      case 'Refused':
        return this.patched('SecretNotWritten', `Secret ${this.#secrets} could not be written: see the service's log`);
      case 'NamespaceGone':
        return skip('NamespaceTerminating');
      case 'Foreign':
        return skip('ForeignSecret');
    }
  }
}
