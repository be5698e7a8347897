import type { Clock } from '../clock.ts';
import type { Pause } from '../config/pause.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { KubeObject } from '../kube/objects.ts';
import { resources, type ObjectRef } from '../kube/resources.ts';

/** What this service takes the place of. Both at once would write the same Secrets and lists. */
export const OFFICIAL_DEPLOYMENT = { namespace: 'kube-system', name: 'aliyun-acr-credential-helper' } as const;

const LOOK_EVERY_MS = 60_000;

interface Deployment extends KubeObject {
  spec?: { replicas?: number };
}

export interface OfficialComponentOptions {
  client: Pick<KubeClient, 'get'>;
  clock: Clock;
  pause: Pick<Pause, 'isOn'>;
  /** Told at every look. */
  onRunning: (deployment: Required<ObjectRef>) => void;
}

/** Looks now and then whether the official component runs beside us. */
export class OfficialComponent {
  readonly #options: OfficialComponentOptions;

  constructor(options: OfficialComponentOptions) {
    this.#options = options;
  }

  /** Until `signal` fires. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, pause, onRunning } = this.#options;
    while (!signal.aborted) {
      if (!pause.isOn && (await this.#isRunning(signal))) onRunning(OFFICIAL_DEPLOYMENT);
      await clock.sleep(LOOK_EVERY_MS, signal).catch(() => undefined);
    }
  }

  /** Where it may not be read, nothing is known of it, and nothing said. */
  async #isRunning(signal: AbortSignal): Promise<boolean> {
    try {
      const { spec } = await this.#options.client.get<Deployment>(resources.deployments, OFFICIAL_DEPLOYMENT, {
        signal,
      });
      return spec?.replicas !== 0;
    } catch {
      return false;
    }
  }
}
