import { selfTestPatch } from '../webhook/self-test-request.ts';
import type { AdmissionRequest } from './admission-review.ts';
import { skip, type Verdict } from './verdict.ts';

/**
 * Proves to the one who asks, by a patch, that the request came here and the answer back. An UPDATE is left unanswered: it
 * says nothing of the entry that is for self-tests, but that somebody has made a ServiceAccount of their name.
 */
export function answerSelfTest({ operation, object }: AdmissionRequest): Verdict {
  if (operation !== 'CREATE') return skip('SelfTest');
  return { ...skip('SelfTest'), outcome: { allowed: true, patch: selfTestPatch(object.metadata) } };
}
