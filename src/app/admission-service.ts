import { createAdmissionParts, type AdmissionParts, type AdmissionSources } from './admission-parts.ts';
import type { ServingCertificate } from '../certificates/certificate-source.ts';
import { aborted } from '../clock.ts';
import type { Surroundings } from './components.ts';
import { lowersFailurePolicy } from '../webhook/reach.ts';
import type { SelfTestState } from '../webhook/self-test.ts';
import { WEBHOOK_CONFIGURATION_NAME } from '../webhook/webhook-configuration.ts';

/** The part of the service that API servers ask while something is being created. */
export interface Admission {
  /** Do requests in that namespace come here now? */
  isReached(namespace: string): boolean;
  /** Does the API server trust our certificate as it stands? */
  readonly isTrusted: boolean;
  readonly certificate: ServingCertificate | undefined;
  readonly selfTest: SelfTestState;
  /** What has to be so for this replica to be ready. */
  readonly checks: Readonly<Record<string, boolean>>;
  /** Resolves when it is known how a configuration is to be registered. */
  readonly prepared: Promise<unknown>;
  /** Resolves when the registration has followed what changed, or could not at once. Never rejects. */
  caughtUp(): Promise<void>;
  /** Serves until `signal` fires. Rejects when the address cannot be listened on. */
  run(signal: AbortSignal): Promise<void>;
  /** Does what only one replica does, until `term` fires. */
  lead(term: AbortSignal): void;
  /** Still serves, but keeps no connection. */
  drain(): void;
  /** Serves for as long as it is to drain, and no longer. */
  stop(): Promise<void>;
}

/** Where there are no rights to register a webhook: nobody asks. */
export const noAdmission: Admission = {
  isReached: () => false,
  isTrusted: false,
  certificate: undefined,
  selfTest: { passed: undefined, testedAt: undefined, lastFailure: undefined },
  checks: {},
  prepared: Promise.resolve(),
  caughtUp: () => Promise.resolve(),
  run: () => Promise.resolve(),
  lead: () => undefined,
  drain: () => undefined,
  stop: () => Promise.resolve(),
};

/** The webhook: its certificate, its server, its registration, and the test of all that. */
export class AdmissionService implements Admission {
  readonly #surroundings: Surroundings;
  readonly #sources: AdmissionSources;
  readonly #parts: AdmissionParts;

  constructor(surroundings: Surroundings, sources: AdmissionSources) {
    this.#surroundings = surroundings;
    this.#sources = sources;
    this.#parts = createAdmissionParts(surroundings, sources);
    const { serverVersion, certificates, registration } = this.#parts;
    sources.config.onChange(() => this.#tellIfLowered());
    serverVersion.onChange(() => {
      this.#tellIfLowered();
      registration.reconcile();
    });
    certificates.onChange(() => registration.reconcile());
  }

  isReached(namespace: string): boolean {
    return this.#parts.registration.isReached(namespace);
  }

  get isTrusted(): boolean {
    return this.#parts.registration.isTrusted;
  }

  get certificate(): ServingCertificate | undefined {
    return this.#parts.certificates.current();
  }

  get selfTest(): SelfTestState {
    return this.#parts.selfTest.state;
  }

  get checks(): { listening: boolean; trusted: boolean } {
    const { pause, config } = this.#sources;
    return {
      // While everything is paused, a certificate that is missing stays missing, and nobody calls the webhook.
      listening: this.#parts.webhookServer.isListening || (pause.isOn && !this.certificate),
      trusted: pause.isOn || !config.current?.webhook.enabled || this.isTrusted,
    };
  }

  get prepared(): Promise<unknown> {
    return this.#parts.serverVersion.known;
  }

  caughtUp(): Promise<void> {
    return this.#parts.registration.caughtUp();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { serverVersion, certificates, registration } = this.#parts;
    this.#sources.pause.onChange((isOn) => {
      if (!isOn) void certificates.refresh(signal);
    });
    await Promise.all([
      registration.run(signal),
      serverVersion.run(signal),
      this.#certify(signal),
      this.#serve(signal),
    ]);
  }

  lead(term: AbortSignal): void {
    const { registration, missedInjections, certificates, selfTest } = this.#parts;
    registration.start(term);
    missedInjections.start(term);
    void certificates.refresh(term);
    void selfTest.run(term);
  }

  drain(): void {
    this.#parts.webhookServer.drain();
  }

  async stop(): Promise<void> {
    const { clock, options } = this.#surroundings;
    const { config, reporter } = this.#sources;
    const { webhookServer } = this.#parts;
    const isRegistered = config.current?.webhook.enabled === true && this.isTrusted;
    if (isRegistered && !options.ownerClusterRole) reporter.webhook.registrationStays(WEBHOOK_CONFIGURATION_NAME);
    if (webhookServer.isListening) await clock.sleep(options.drainMs);
    await webhookServer.stop();
  }

  /**
   * Who leads makes the CA, so that is settled first: the others find it missing, or damaged, with good reason only. So is whether
   * everything is paused, as a CA that is missing must not be written then.
   */
  async #certify(signal: AbortSignal): Promise<void> {
    const { pause, leadership } = this.#sources;
    await Promise.race([Promise.all([pause.known, leadership.settled]), aborted(signal)]);
    await this.#parts.certificates.run(signal);
  }

  async #serve(signal: AbortSignal): Promise<void> {
    const { certificates, webhookServer, registration } = this.#parts;
    const { promise: first, resolve } = Promise.withResolvers<undefined>();
    const unsubscribe = certificates.onChange(() => resolve(undefined));
    if (!certificates.current()) await Promise.race([first, aborted(signal)]);
    unsubscribe();
    const certificate = certificates.current();
    if (!certificate || signal.aborted) return;
    const address = await webhookServer.start(certificate, certificates);
    this.#surroundings.logger.info({ address }, 'webhook listening');
    registration.reconcile();
  }

  #tellIfLowered(): void {
    const { config, reporter } = this.#sources;
    const serverMinor = this.#parts.serverVersion.minor;
    const isLowered = config.current && lowersFailurePolicy({ config: config.current, serverMinor });
    if (isLowered) reporter.webhook.failurePolicyLowered(serverMinor);
  }
}
