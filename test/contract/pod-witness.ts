import type { Pod, Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ChangeRecorder } from './change-recorder.ts';
import { isLive } from './pull-secret-check.ts';
import type { TestBed } from './test-bed.ts';

/** What a kubelet that is told of a new Pod finds at that moment. */
export interface PodBirth {
  pod: Pod;
  /** The namespace's pull Secret, read as soon as the watch told of the Pod. */
  secret: Secret | undefined;
  /** Were the Secret's logins good at that moment? */
  isLive: boolean;
}

/** Watches Pods being born, in one namespace or in all. */
export class PodWitness implements AsyncDisposable {
  readonly #births: Promise<PodBirth>[] = [];
  #recorder: ChangeRecorder<Pod> | undefined;

  static async of(bed: TestBed, namespace?: string): Promise<PodWitness> {
    const witness = new PodWitness();
    witness.#recorder = await ChangeRecorder.start<Pod>(bed.client, resources.pods, {
      namespace,
      onChange: ({ type, object }) => {
        if (type === 'ADDED') witness.#births.push(birthOf(object, bed));
      },
    });
    return witness;
  }

  /** So far, oldest first. */
  births(): Promise<PodBirth[]> {
    return Promise.all(this.#births);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#recorder?.[Symbol.asyncDispose]();
  }
}

async function birthOf(pod: Pod, bed: TestBed): Promise<PodBirth> {
  const secret = await bed.pullSecret(pod.metadata.namespace ?? '');
  return { pod, secret, isLive: secret !== undefined && isLive(secret, bed.cloud) };
}
