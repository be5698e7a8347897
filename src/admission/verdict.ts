import { Remembered } from '../remembered.ts';
import type { AdmissionOutcome, AdmissionRequest } from './admission-review.ts';
import type { AdmissionView } from './admission-view.ts';
import { appendReferences, type InjectionDecision, type SkipReason } from './injection.ts';
import { hasHandWrittenList } from './pod-injection.ts';
import { warningAbout } from './warning.ts';

/** Why an object was patched, or refused. */
export type InjectReason =
  'ServiceAccountUpdate' | 'NoCredential' | 'DryRun' | 'SecretKnown' | 'SecretWritten' | 'SecretNotWritten';

/** An answer, with what metrics and logs say of it. Those that are alike are one object. */
export interface Verdict {
  readonly outcome: AdmissionOutcome;
  readonly decision: 'allowed' | 'patched' | 'denied';
  readonly reason: SkipReason | InjectReason | 'InternalError';
  /** Of an InternalError. */
  readonly cause?: unknown;
}

/** A review with its answer, as it is told of. */
export interface AnsweredReview {
  resource: string;
  operation: string;
  namespace: string;
  verdict: Verdict;
  /** From the arrival of the request's head to the answer. */
  durationMs: number;
  /** Did this service itself cause the review, by a write of its own or its self-test? */
  isOwn: boolean;
}

/** After how long a client may try again what was denied; kubectl does. */
const RETRY_AFTER_SECONDS = 1;
const MAY_FAIL = 'pulling private images may fail for now';

const verdicts = new Remembered<Verdict>();

/** Lets an object through as it is. */
export function skip(reason: SkipReason): Verdict {
  return verdicts.of(reason, () => ({ outcome: { allowed: true }, decision: 'allowed', reason }));
}

/** What was not foreseen: the user's policy decides, as if we had not answered. */
export function failed({ operation }: AdmissionRequest, view: AdmissionView | undefined, cause: unknown): Verdict {
  const message = 'acr-credential-injector failed: see its log';
  if (view?.failurePolicy === 'Fail' && operation === 'CREATE') return { ...denied('InternalError', message), cause };
  return { outcome: { allowed: true, warnings: [message] }, decision: 'allowed', reason: 'InternalError', cause };
}

function denied(reason: Verdict['reason'], message: string): Verdict {
  const outcome = { allowed: false as const, message, retryAfterSeconds: RETRY_AFTER_SECONDS };
  return verdicts.of(`${reason} ${message}`, () => ({ outcome, decision: 'denied', reason }));
}

/** A request that is to be patched, and what becomes of it by the state of its namespace's Secret. */
export class Injection {
  readonly #request: AdmissionRequest;
  readonly #view: AdmissionView;
  readonly #listPath: string;
  readonly #list: readonly unknown[];
  /** The names that the list lacks. */
  readonly #missing: readonly string[];

  constructor(request: AdmissionRequest, view: AdmissionView, decision: InjectionDecision & { inject: true }) {
    this.#request = request;
    this.#view = view;
    this.#listPath = decision.listPath;
    this.#list = decision.list;
    this.#missing = decision.missing;
  }

  patched(reason: InjectReason, ...warnings: string[]): Verdict {
    const warned = [...warnings, ...this.#furtherWarnings()];
    const { length } = this.#list;
    const key = `${reason} ${this.#listPath} ${length} ${this.#missing.join()} ${warned.join('\n')}`;
    return verdicts.of(key, () => ({ outcome: this.#patch(warned), decision: 'patched', reason }));
  }

  #furtherWarnings(): string[] {
    const { deadRegistries, hasLiveCredential } = this.#view;
    const further: string[] = [];
    // Some are; where none is alive, that is said, or nothing is.
    if (hasLiveCredential && deadRegistries.length > 0) {
      further.push(warningAbout('no live token for', deadRegistries));
    }
    if (this.#keepsPodList() && hasHandWrittenList(this.#request.object)) {
      further.push(warningAbout("added to the Pod's own imagePullSecrets", this.#missing));
    }
    return further;
  }

  #patch(warnings: string[]): AdmissionOutcome {
    const auditAnnotations: Record<string, string> = { 'image-pull-secret': this.#missing.join(', ') };
    // Who wrote the list is warned; of a list that came about otherwise, the audit log is told.
    if (this.#keepsPodList() && !hasHandWrittenList(this.#request.object)) {
      auditAnnotations['kept-image-pull-secrets'] = String(this.#list.length);
    }
    const patch = appendReferences(this.#listPath, this.#list, this.#missing);
    return { allowed: true, patch, warnings, auditAnnotations };
  }

  #keepsPodList(): boolean {
    return this.#request.resource === 'pods' && this.#list.length > 0;
  }

  /** Pulls may fail, which `Ignore` accepts and `Fail` does not. */
  withoutCredential(): Verdict {
    const problem = 'no registry has a live token';
    if (this.#view.failurePolicy === 'Fail') return denied('NoCredential', toTryAgain(problem));
    return this.patched('NoCredential', `${problem}; ${MAY_FAIL}`);
  }

  /** As {@link withoutCredential}. */
  withoutSecret(): Verdict {
    const problem = 'pull Secret not written in time';
    const names = this.#view.secretNames;
    if (this.#view.failurePolicy === 'Fail') {
      return denied('SecretNotWritten', toTryAgain(`${problem} (${names.join(', ')})`));
    }
    return this.patched('SecretNotWritten', warningAbout(`${problem}; ${MAY_FAIL}`, names));
  }

  /** The API server will have no Secret there, by a quota for example; that is no reason to deny anything. */
  refused(): Verdict {
    const why = "pull Secret refused by the API server, see the service's log";
    return this.patched('SecretNotWritten', warningAbout(why, this.#view.secretNames));
  }
}

function toTryAgain(problem: string): string {
  return `acr-credential-injector: ${problem}; try again`;
}
