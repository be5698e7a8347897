import { isOurs } from '../kube/field-manager.ts';
import { isOptedOut } from '../targets/target-selector.ts';
import type { AdmissionRequest } from './admission-review.ts';
import type { AdmissionView } from './admission-view.ts';
import {
  firstReason,
  hasReference,
  listOf,
  missingReferences,
  type InjectionDecision,
  type SkipPolicy,
} from './injection.ts';

interface Subject {
  request: AdmissionRequest;
  view: AdmissionView;
  /** The names that its list lacks. */
  missing: readonly string[];
}

const policies: SkipPolicy<Subject>[] = [
  // An object created with `generateName` has no name yet.
  ({ request, view }) => (view.selectsServiceAccount(request.object.metadata.name ?? '') ? null : 'NotATarget'),
  ({ request }) => (isOptedOut(request.object.metadata) ? 'OptedOut' : null),
  ({ request }) => (request.object.metadata.deletionTimestamp ? 'BeingDeleted' : null),
  ({ missing }) => (missing.length > 0 ? null : 'AlreadyReferenced'),
  ({ request, missing }) => (isOwnDetach(request, missing) ? 'OwnDetach' : null),
];

/** Decides on a ServiceAccount in a namespace that is a target. */
export function decideServiceAccount(request: AdmissionRequest, view: AdmissionView): InjectionDecision {
  const list = listOf(request.object.imagePullSecrets);
  const missing = missingReferences(list, view.secretNames);
  const reason = firstReason(policies, { request, view, missing });
  return reason ? { inject: false, reason } : { inject: true, listPath: '/imagePullSecrets', list, missing };
}

/** Reconciliation detaches what the configuration no longer selects; this replica may not have read that edit yet. */
function isOwnDetach({ operation, fieldManager, oldObject }: AdmissionRequest, missing: readonly string[]): boolean {
  if (operation !== 'UPDATE' || !isOurs(fieldManager)) return false;
  const before = listOf(oldObject?.imagePullSecrets);
  return missing.some((name) => hasReference(before, name));
}
