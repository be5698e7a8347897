import { FIELD_MANAGER } from '../src/kube/field-manager.ts';
import type { Secret } from '../src/kube/objects.ts';
import { pathOf, resources } from '../src/kube/resources.ts';
import { PULL_SECRET } from '../test/contract/pull-secret-check.ts';
import type { Patch } from './references/patch-secrets.ts';

/** As long as the pull Secret's, in the same namespaces: both would write the same objects otherwise, and undo each other's work. */
export const REFERENCE_SECRET = PULL_SECRET.replace(/.$/, 'x');

/** @returns makes patches that write what the service wrote to the Secrets beside, but for a number that is new each time. */
export function referencePatches(written: readonly Secret[]): () => Patch[] {
  let round = 0;
  return () => {
    round += 1;
    return written.map((secret) => patchLike(secret, round));
  };
}

function patchLike({ metadata, type, data }: Secret, round: number): Patch {
  const { namespace, labels } = metadata;
  const annotations = { ...metadata.annotations, 'acr-credential-injector/generation': String(round) };
  const { apiVersion, kind } = resources.secrets;
  const secret = { metadata: { name: REFERENCE_SECRET, namespace, labels, annotations }, type, data };
  return {
    path: `${pathOf(resources.secrets, { namespace, name: REFERENCE_SECRET })}?fieldManager=${FIELD_MANAGER}&force=true`,
    body: JSON.stringify({ apiVersion, kind, ...secret }),
  };
}
