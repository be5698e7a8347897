import { setTimeout as sleep } from 'node:timers/promises';
import type { PodSpec, ServiceAccount } from '../../../src/kube/objects.ts';
import { asMaps, copyOf } from './api-object.ts';
import type { ApiObject } from './api-object.ts';
import { nameOf } from './admission-attributes.ts';
import type { AdmissionAttributes } from './admission-attributes.ts';
import { forbidden } from './status-error.ts';

const mirrorAnnotation = 'kubernetes.io/config.mirror';
// The `default` ServiceAccount of a new namespace may be a moment late; the real plugin waits 10 times, too.
const attempts = 10;
const retryMs = 50;

/** The `ServiceAccount` admission plugin: each Pod gets an existing ServiceAccount, and its pull Secrets when it has none. */
export class ServiceAccountPlugin {
  readonly #find: (namespace: string, name: string) => ServiceAccount | undefined;

  constructor(find: (namespace: string, name: string) => ServiceAccount | undefined) {
    this.#find = find;
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    const pod = podOf(attributes);
    if (!pod || isMirrorPod(pod)) return;
    const spec = pod.spec as PodSpec & { serviceAccount?: string };
    const name = spec.serviceAccountName === '' ? 'default' : (spec.serviceAccountName ?? 'default');
    spec.serviceAccountName = spec.serviceAccount = name;
    const account = await this.#accountOf(attributes, name);
    if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length) {
      spec.imagePullSecrets = copyOf(account.imagePullSecrets);
    }
  }

  /** After the webhooks: what they may not have made of the Pod. */
  validate(attributes: AdmissionAttributes): void {
    const pod = podOf(attributes);
    if (!pod) return;
    const spec = pod.spec as PodSpec;
    if (isMirrorPod(pod)) refuseInMirrorPod(attributes, spec);
    else if (!spec.serviceAccountName) throw refusal(attributes, 'no service account specified');
  }

  async #accountOf(attributes: AdmissionAttributes, name: string): Promise<ServiceAccount> {
    const { namespace } = attributes;
    for (let attempt = 1; ; attempt++) {
      const account = this.#find(namespace, name);
      if (account) return account;
      if (name !== 'default' || attempt === attempts) break;
      await sleep(retryMs);
    }
    const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`;
    throw refusal(attributes, why);
  }
}

function podOf({ resource, subresource, operation, object }: AdmissionAttributes): ApiObject | undefined {
  return resource.plural === 'pods' && subresource === '' && operation === 'CREATE' ? object : undefined;
}

function isMirrorPod({ metadata }: ApiObject): boolean {
  return metadata.annotations?.[mirrorAnnotation] !== undefined;
}

function refuseInMirrorPod(attributes: AdmissionAttributes, spec: PodSpec): void {
  if (spec.serviceAccountName) throw refusal(attributes, 'a mirror pod may not reference service accounts');
  const secretVolume = asMaps(spec.volumes).some((volume) => 'secret' in volume);
  if (secretVolume || spec.imagePullSecrets?.length) {
    throw refusal(attributes, 'a mirror pod may not reference secrets');
  }
}

function refusal(attributes: AdmissionAttributes, why: string) {
  return forbidden(attributes.resource, nameOf(attributes), why);
}
