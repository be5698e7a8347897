import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { resources } from '../kube/resources.ts';
import { isAnswered, selfTestServiceAccount, SELF_TEST_NAME } from './self-test-request.ts';

export interface SelfTestOptions {
  client: Pick<KubeClient, 'apply'>;
  clock: Clock;
  ownNamespace: string;
  /** Whether there is something to test. */
  isOn: () => boolean;
  /** Told when the result turns; `reason` of a failure. */
  onTurned: (turn: { passed: true } | { passed: false; reason: string }) => void;
}

/** Times in milliseconds since the epoch. */
export interface SelfTestState {
  /** Of the last test that counts; undefined: none, or not for this replica to know. */
  passed: boolean | undefined;
  testedAt: number | undefined;
  lastFailure: { at: number; reason: string } | undefined;
}

const INTERVAL_MS = 60_000;
/** A failure is looked at again sooner, so that its end shows soon. */
const AFTER_FAILURE_MS = 10_000;
/** One failure is none yet: the API server may just have started, or not have read the registration. */
const CONFIRM_AFTER_MS = 2_000;
const OFF_MS = 1_000;
/** The webhook may take its time before the API server gives it up and answers without. */
const REQUEST_MS = 35_000;

const NOT_ANSWERED =
  'the API server did what was asked without our admission: it cannot reach the webhook or does not trust its certificate; its own log says more';
const EXISTS = `a ServiceAccount ${SELF_TEST_NAME} exists and is in the way: delete it`;

/**
 * Shows, again and again, that requests find their way from the API server to a replica and back: has a ServiceAccount
 * created in a dry run, and looks for admission's mark on it.
 */
export class SelfTest {
  readonly #options: SelfTestOptions;
  #state: SelfTestState = { passed: undefined, testedAt: undefined, lastFailure: undefined };
  #failures = 0;
  #passedAt: number | undefined;
  #wake = new AbortController();

  constructor(options: SelfTestOptions) {
    this.#options = options;
  }

  get state(): SelfTestState {
    return this.#state;
  }

  /** When the last test was sent that passed, if none has failed since. */
  get provenAt(): number | undefined {
    return this.#passedAt;
  }

  /** Tests soon, not when it is time. */
  hasten(): void {
    this.#wake.abort();
  }

  /** Tests whenever it is on, until `signal` fires. One replica is enough for that. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, isOn } = this.#options;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const pauseMs = isOn() ? await this.#test(signal) : this.#forget();
      const woken = AbortSignal.any([signal, this.#wake.signal]);
      await clock.sleep(pauseMs, woken).catch(() => undefined); // it rejects only when aborted
    }
    this.#forget();
  }

  /** @returns how long to wait for the next test. */
  async #test(signal: AbortSignal): Promise<number> {
    const sentAt = this.#options.clock.now();
    const failure = await this.#failureOfOne(signal);
    if (signal.aborted) return 0;
    if (failure === undefined) {
      this.#failures = 0;
      this.#passedAt = sentAt;
      this.#turn({ ...this.#state, passed: true, testedAt: sentAt });
      return INTERVAL_MS;
    }
    this.#passedAt = undefined;
    this.#failures += 1;
    if (this.#failures === 1) return CONFIRM_AFTER_MS;
    this.#turn({ passed: false, testedAt: sentAt, lastFailure: { at: sentAt, reason: failure } });
    return AFTER_FAILURE_MS;
  }

  /** Why a test failed; undefined: it passed. */
  async #failureOfOne(signal: AbortSignal): Promise<string | undefined> {
    const { client, ownNamespace } = this.#options;
    const question = randomUUID();
    try {
      // Server-side apply with a fixed name is what rights by name allow for creating.
      const account = selfTestServiceAccount(ownNamespace, question);
      const options = { dryRun: true, signal, timeoutMs: REQUEST_MS };
      const created = await client.apply(resources.serviceAccounts, account, options);
      if (isAnswered(created, question)) return undefined;
      // What would only now be created has no version yet.
      return created.metadata.resourceVersion ? EXISTS : NOT_ANSWERED;
    } catch (error) {
      return messageOf(error);
    }
  }

  #turn(state: SelfTestState): void {
    const { passed: before } = this.#state;
    this.#state = state;
    if (before === state.passed) return;
    if (state.passed) this.#options.onTurned({ passed: true });
    else this.#options.onTurned({ passed: false, reason: state.lastFailure?.reason ?? '' });
  }

  #forget(): number {
    this.#state = { ...this.#state, passed: undefined, testedAt: undefined };
    this.#failures = 0;
    this.#passedAt = undefined;
    return OFF_MS;
  }
}
