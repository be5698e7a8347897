import type { AdmissionRequest, AdmittedObject } from '../../src/admission/admission-review.ts';
import type { AdmissionView } from '../../src/admission/admission-view.ts';
import type { Pod, ServiceAccount } from '../../src/kube/objects.ts';
import { podAt, serviceAccountAt } from './kube-objects.ts';

/** An image of the registry that {@link viewWith} manages. */
export const managedImage = 'shop-registry.cn-hangzhou.cr.aliyuncs.com/team/app:1';

/** A namespace that is a target, where all is well: the Secret is there, with a live token. */
export function viewWith(fields: Partial<AdmissionView> = {}): AdmissionView {
  return {
    secretNames: ['pull'],
    paused: false,
    failurePolicy: 'Ignore',
    timeoutSeconds: 10,
    isSeen: true,
    isTarget: true,
    optedOut: false,
    terminating: false,
    foreignSecret: null,
    secretKnown: true,
    hasLiveCredential: true,
    deadRegistries: [],
    selectsServiceAccount: () => true,
    managesImage: (image) => image.startsWith('shop-registry.cn-hangzhou.cr.aliyuncs.com/'),
    ...fields,
  };
}

/** The creation of a ServiceAccount in namespace `team-a`. */
export function serviceAccountRequest(
  object: ServiceAccount = serviceAccountAt('team-a/app'),
  fields: Partial<AdmissionRequest> = {},
): AdmissionRequest {
  return requestFor('serviceaccounts', object, fields);
}

/** The creation of a Pod of a managed image in namespace `team-a`. */
export function podRequest(
  object: Pod = podAt('team-a/app', managedImage),
  fields: Partial<AdmissionRequest> = {},
): AdmissionRequest {
  return requestFor('pods', object, fields);
}

function requestFor(
  resource: string,
  object: ServiceAccount | Pod,
  fields: Partial<AdmissionRequest>,
): AdmissionRequest {
  return {
    uid: 'uid-1',
    resource,
    subresource: '',
    operation: 'CREATE',
    namespace: 'team-a',
    dryRun: false,
    fieldManager: 'kubectl-create',
    object: admitted(object),
    oldObject: undefined,
    ...fields,
  };
}

/** An object as a review brings it: of unknown form but for its metadata. */
export function admitted(object: ServiceAccount | Pod): AdmittedObject {
  return { ...object };
}
