import { isRecord } from '../json.ts';
import { isOurs } from '../kube/field-manager.ts';
import { SELF_TEST_LABEL } from '../webhook/self-test-request.ts';
import type { AdmissionRequest } from './admission-review.ts';

/** Is it this service, a replica of it at least, that wrote what is under review? */
export function isOwnRequest({ fieldManager }: AdmissionRequest): boolean {
  return isOurs(fieldManager);
}

/** Does the service ask itself? Nobody else's label makes a self-test of a request. */
export function isSelfTest(request: AdmissionRequest): boolean {
  const { labels } = request.object.metadata;
  return isOwnRequest(request) && request.dryRun && isRecord(labels) && Object.hasOwn(labels, SELF_TEST_LABEL);
}
