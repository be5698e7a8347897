import type { Clock } from '../clock.ts';
import type { EnsureOutcome } from '../secrets/pull-secret-writer.ts';
import type { AdmissionRequest } from './admission-review.ts';
import type { AdmissionView } from './admission-view.ts';
import { AwaitedSecrets, type SecretState } from './awaited-secrets.ts';
import { answerWithinMs, type Grant } from './deadline.ts';
import { firstReason, type InjectionDecision, type SkipPolicy } from './injection.ts';
import { isSelfTest } from './own-request.ts';
import { decidePod } from './pod-injection.ts';
import { answerSelfTest } from './self-test.ts';
import { decideServiceAccount } from './service-account-injection.ts';
import { failed, Injection, skip, type Verdict } from './verdict.ts';

export interface AdmissionHandlerOptions {
  clock: Clock;
  /** Undefined before the first configuration. */
  viewOf: (namespace: string) => AdmissionView | undefined;
  ensureSecret: (namespace: string) => Promise<EnsureOutcome>;
}

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
  readonly #viewOf: AdmissionHandlerOptions['viewOf'];
  readonly #secrets: AwaitedSecrets;

  constructor({ clock, viewOf, ensureSecret }: AdmissionHandlerOptions) {
    this.#viewOf = viewOf;
    this.#secrets = new AwaitedSecrets({ clock, ensureSecret });
  }

  /** A promise only where a Secret is waited for. Neither throws nor rejects. */
  review(request: AdmissionRequest, grant: Grant): Verdict | Promise<Verdict> {
    let view: AdmissionView | undefined;
    try {
      if (isSelfTest(request)) return answerSelfTest(request);
      view = this.#viewOf(request.namespace);
      if (!view) return skip('NotConfigured');
      const decided = decideAtOnce(request, view);
      return decided instanceof Injection ? this.#onceWritten(decided, { request, view, grant }) : decided;
    } catch (cause) {
      return failed(request, view, cause);
    }
  }

  async #onceWritten(
    injection: Injection,
    { request, view, grant }: { request: AdmissionRequest; view: AdmissionView; grant: Grant },
  ): Promise<Verdict> {
    try {
      const budgetMs = answerWithinMs(grant, view.timeoutSeconds);
      return afterWaiting(injection, await this.#secrets.within(request.namespace, budgetMs, view.isSeen));
    } catch (cause) {
      return failed(request, view, cause);
    }
  }
}

/** @returns an Injection where it depends on whether the namespace's Secret can be written. */
function decideAtOnce(request: AdmissionRequest, view: AdmissionView): Verdict | Injection {
  const decision = decide(request, view);
  if (!decision.inject) return skip(decision.reason);
  const injection = new Injection(request, view, decision);
  const { resource, operation } = request;
  if (resource === 'serviceaccounts' && operation === 'UPDATE') return injection.patched('ServiceAccountUpdate');
  if (!view.hasLiveCredential) return injection.withoutCredential();
  if (request.dryRun) return injection.patched('DryRun');
  return view.secretKnown ? injection.patched('SecretKnown') : injection;
}

function decide(request: AdmissionRequest, view: AdmissionView): InjectionDecision {
  const reason = firstReason(namespacePolicies, view);
  if (reason) return { inject: false, reason };
  const { operation, resource, subresource } = request;
  const isCreate = operation === 'CREATE';
  const isOfServiceAccount = resource === 'serviceaccounts' && (isCreate || operation === 'UPDATE');
  if (isOfServiceAccount && subresource === '') return decideServiceAccount(request, view);
  // Only then: the list of a Pod that exists cannot be changed.
  if (resource === 'pods' && isCreate && subresource === '') return decidePod(request, view);
  return { inject: false, reason: 'UnknownResource' };
}

function afterWaiting(injection: Injection, state: SecretState): Verdict {
  switch (state) {
    case 'UpToDate':
    case 'Written':
      return injection.patched('SecretWritten');
    case 'NoCredential':
      return injection.withoutCredential();
    case 'NotInTime':
      return injection.withoutSecret();
    case 'Refused':
      return injection.refused();
    case 'NamespaceGone':
      return skip('NamespaceTerminating');
    case 'Foreign':
      return skip('ForeignSecret');
  }
}
