import { backOffMs } from '../back-off.ts';
import type { Clock } from '../clock.ts';
import { KubeApiError } from '../errors.ts';
import type { KubeClient } from './kube-client.ts';

/** An API server is upgraded, or goes back, under those who use it. */
const REREAD_MS = 60_000;

type VersionAnswer = Awaited<ReturnType<KubeClient['version']>>;

/** The API server's minor version, read anew every minute. */
export class ServerVersion {
  readonly #client: Pick<KubeClient, 'version'>;
  readonly #clock: Clock;
  readonly #onFailure: (error: unknown, retryInMs: number) => void;
  readonly #firstRead = Promise.withResolvers<undefined>();
  readonly #listeners = new Set<() => void>();
  #minor = 0;

  constructor(options: {
    client: Pick<KubeClient, 'version'>;
    clock: Clock;
    onFailure: (error: unknown, retryInMs: number) => void;
  }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#onFailure = options.onFailure;
  }

  /** Resolves once it is known. */
  get known(): Promise<undefined> {
    return this.#firstRead.promise;
  }

  /** 0 until it is known. */
  get minor(): number {
    return this.#minor;
  }

  /** Told when it is another than before. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      let waitMs = REREAD_MS;
      try {
        this.#take(await this.#client.version({ signal, timeoutMs: 10_000 }));
        failures = 0;
      } catch (error) {
        waitMs = backOffMs(++failures, { baseMs: 200, capMs: 5_000 });
        this.#tell(error, waitMs, signal);
      }
      await this.#clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  #tell(error: unknown, retryInMs: number, signal: AbortSignal): void {
    if (!signal.aborted) this.#onFailure(error, retryInMs);
  }

  #take(answer: VersionAnswer): void {
    const before = this.#minor;
    this.#minor = minorOf(answer);
    this.#firstRead.resolve(undefined);
    if (before !== 0 && before !== this.#minor) for (const listener of this.#listeners) listener();
  }
}

/** Managed clusters write `20+`; a server that was built without its stamp leaves it empty. */
function minorOf({ minor, gitVersion }: VersionAnswer): number {
  const [digits] = /^\d+/.exec(minor) ?? /(?<=^v1\.)\d+/.exec(gitVersion) ?? [];
  if (digits) return Number(digits);
  throw new KubeApiError('the API server does not tell its version', {
    code: 'UnreadableAnswer',
    status: 0,
    retryable: true,
  });
}
