import { isRecord } from '../json.ts';
import { isOptedOut } from '../targets/target-selector.ts';
import type { AdmissionRequest, AdmittedObject } from './admission-review.ts';
import type { AdmissionView } from './admission-view.ts';
import { firstReason, listOf, missingReferences, type InjectionDecision, type SkipPolicy } from './injection.ts';

/** On a Pod that the kubelet made of a file: the API server refuses such a Pod when it references Secrets. */
const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

interface Subject {
  object: AdmittedObject;
  spec: Record<string, unknown>;
  view: AdmissionView;
  /** The names that its list lacks. */
  missing: readonly string[];
}

const policies: SkipPolicy<Subject>[] = [
  ({ spec, view }) => (view.selectsServiceAccount(serviceAccountName(spec)) ? null : 'NotATarget'),
  ({ object }) => (isOptedOut(object.metadata) ? 'OptedOut' : null),
  ({ object }) => (object.metadata.annotations?.[MIRROR_ANNOTATION] === undefined ? null : 'MirrorPod'),
  ({ object }) => (object.metadata.deletionTimestamp ? 'BeingDeleted' : null),
  ({ missing }) => (missing.length > 0 ? null : 'AlreadyReferenced'),
  ({ spec, view }) => (pullsManagedImage(spec, view) ? null : 'NoManagedImage'),
];

/** Decides on a Pod in a namespace that is a target: its ServiceAccount's name decides, the ServiceAccount is not looked up. */
export function decidePod({ object }: AdmissionRequest, view: AdmissionView): InjectionDecision {
  const { spec } = object;
  if (!isRecord(spec)) return { inject: false, reason: 'Unreadable' };
  const list = listOf(spec.imagePullSecrets);
  const missing = missingReferences(list, view.secretNames);
  const reason = firstReason(policies, { object, spec, view, missing });
  return reason ? { inject: false, reason } : { inject: true, listPath: '/spec/imagePullSecrets', list, missing };
}

/** Did a person write the Pod's own list, rather than the ServiceAccount's having been copied or a controller's template? */
export function hasHandWrittenList({ metadata }: AdmittedObject): boolean {
  const isControlled = listOf(metadata.ownerReferences).some((owner) => isRecord(owner) && owner.controller === true);
  return !isControlled && listOf(metadata.managedFields).some(ownsList);
}

function ownsList(entry: unknown): boolean {
  const fields = isRecord(entry) ? entry.fieldsV1 : undefined;
  const spec = isRecord(fields) ? fields['f:spec'] : undefined;
  return isRecord(spec) && 'f:imagePullSecrets' in spec;
}

function serviceAccountName({ serviceAccountName: name }: Record<string, unknown>): string {
  return typeof name === 'string' && name !== '' ? name : 'default';
}

/** Does kubelet pull any of the Pod's images with one of our tokens? */
function pullsManagedImage(spec: Record<string, unknown>, view: AdmissionView): boolean {
  const isManaged = (image: unknown) => typeof image === 'string' && view.managesImage(image);
  const isOfContainer = (container: unknown) => isRecord(container) && isManaged(container.image);
  const isOfVolume = (volume: unknown) =>
    isRecord(volume) && isRecord(volume.image) && isManaged(volume.image.reference);
  return (
    listOf(spec.containers).some(isOfContainer) ||
    listOf(spec.initContainers).some(isOfContainer) ||
    listOf(spec.ephemeralContainers).some(isOfContainer) ||
    listOf(spec.volumes).some(isOfVolume)
  );
}
