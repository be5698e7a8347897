import type { Clock } from './clock.ts';
import { rememberedData } from './config/remembered-data.ts';
import { referencedSecretNames } from './config/referenced-secret-names.ts';
import { createComponents, type Components } from './components.ts';
import type { TokensUpdate } from './credentials/tokens-store.ts';
import type { KubeConnection } from './kube/connection.ts';
import { KubeClient } from './kube/kube-client.ts';
import { refOf } from './kube/reflector.ts';
import { ServerVersion } from './kube/server-version.ts';
import type { ServeOptions } from './options.ts';
import { countState, describeState } from './service-state.ts';
import { StatusServer, type ReadinessChecks } from './server/status-server.ts';
import type { Logger } from './telemetry/logger.ts';
import { Metrics } from './telemetry/metrics.ts';
import { lowersFailurePolicy } from './webhook/reach.ts';
import { WEBHOOK_CONFIGURATION_NAME } from './webhook/webhook-configuration.ts';

export interface AppOptions {
  options: ServeOptions;
  connection: KubeConnection;
  clock: Clock;
  logger: Logger;
  environment: Readonly<Record<string, string | undefined>>;
  /** Told of what the service cannot go on without, an address to listen on for example. */
  onFatal: (error: unknown) => void;
}

/** What is known of AccessKeys by then is what the first renewal goes by. */
const ACCESS_KEYS_WITHIN_MS = 2_000;

/** The service: `start` resolves when its status can be asked for, `stop` when everything has ended. */
export class App {
  readonly #options: ServeOptions;
  readonly #clock: Clock;
  readonly #onFatal: (error: unknown) => void;
  readonly #logger: Logger;
  readonly #client: KubeClient;
  readonly #metrics = new Metrics();
  readonly #parts: Components;
  readonly #serverVersion: ServerVersion;
  readonly #statusServer: StatusServer;
  readonly #stopping = new AbortController();
  readonly #resigning = new AbortController();
  readonly #running: Promise<void>[] = [];
  #hasBegun = false;
  #hasBeenReady = false;
  #isDraining = false;

  constructor({ options, connection, clock, logger, environment, onFatal }: AppOptions) {
    this.#onFatal = onFatal;
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
    this.#client = new KubeClient(connection);
    this.#serverVersion = new ServerVersion({
      client: this.#client,
      clock,
      onFailure: (error, retryInMs) => this.#parts.reporter.failed('server version', '', error, retryInMs),
    });
    this.#parts = createComponents({
      options,
      client: this.#client,
      clock,
      logger,
      metrics: this.#metrics,
      environment,
      serverMinor: () => this.#serverVersion.minor,
    });
    this.#statusServer = new StatusServer({
      listen: options.metricsListen,
      metrics: this.#metrics.registry,
      beforeScrape: () => countState(this.#parts, this.#metrics),
      readiness: () => this.#readiness(),
      status: () => ({ readiness: this.#readiness(), ...describeState(this.#parts) }),
    });
    this.#connectParts();
  }

  async start(): Promise<void> {
    const { signal } = this.#stopping;
    const { observed, tokens, config, registration } = this.#parts;
    const status = await this.#statusServer.start();
    this.#logger.info({ status, ownNamespace: this.#options.namespace }, 'started');
    this.#running.push(
      ...[
        ...this.#mainWatches(),
        ...observed.accessKeySecrets.values(),
        tokens,
        config,
        registration,
        this.#serverVersion,
      ].map((part) => part.run(signal)),
    );
    this.#running.push(observed.referencedSecrets.run(signal));
    this.#running.push(this.#certify(signal));
    this.#running.push(this.#serveAdmission(signal).catch(this.#onFatal), this.#follow(signal));
  }

  /** Not ready any more, then no longer listening, then gone; what is under way is finished. */
  async stop(): Promise<void> {
    const { config, registration, reporter, webhookServer } = this.#parts;
    const { drainMs, ownerClusterRole } = this.#options;
    this.#isDraining = true;
    this.#resigning.abort();
    webhookServer.drain();
    this.#logger.info({ drainMs }, 'stopping');
    const isRegistered = config.current?.webhook.enabled === true && registration.isTrusted;
    if (isRegistered && !ownerClusterRole) reporter.registrationStays(WEBHOOK_CONFIGURATION_NAME);
    if (webhookServer.isListening) await this.#clock.sleep(drainMs);
    await webhookServer.stop();
    this.#stopping.abort();
    await Promise.allSettled(this.#running);
    await this.#statusServer.stop();
    await this.#client.close();
    this.#logger.info({}, 'stopped');
  }

  /** What leads from one part to another when something changes; data flows from top to bottom. */
  #connectParts(): void {
    const { observed, tokens, config, refresher, secretReconciler, serviceAccountReconciler, ...rest } = this.#parts;
    // Before a Secret opens a registry, Pods with its images are to come to the webhook.
    const reconcileSecrets = () => void rest.registration.caughtUp().then(() => secretReconciler.reconcileAll());
    config.onChange((current) => {
      this.#tellIfLowered();
      observed.referencedSecrets.follow(referencedSecretNames(current));
      refresher.configure(current);
      reconcileSecrets();
      serviceAccountReconciler.reconcileAll();
    });
    this.#serverVersion.onChange(() => {
      this.#tellIfLowered();
      rest.registration.reconcile();
    });
    for (const secrets of observed.accessKeySecrets.values()) {
      secrets.subscribe(() => refresher.reconsider());
    }
    observed.referencedSecrets.onChange(() => {
      refresher.reconsider();
      reconcileSecrets();
      serviceAccountReconciler.reconcileAll();
    });
    refresher.onSettled(() => secretReconciler.reconcileAll());
    tokens.onChange(() => {
      refresher.fillGaps();
      reconcileSecrets();
      serviceAccountReconciler.reconcileAll();
    });
    observed.pullSecrets.subscribe((key, current, previous) => {
      // A foreign Secret that went frees its namespace.
      if (!current && previous) serviceAccountReconciler.reconcileNamespace(refOf(key).namespace);
    });
    rest.pause.onChange((isOn) => {
      rest.reporter.paused(isOn);
      reconcileSecrets();
      serviceAccountReconciler.reconcileAll();
      if (!isOn) void rest.certificates.refresh(this.#stopping.signal);
    });
    rest.certificates.onChange(() => rest.registration.reconcile());
  }

  async #serveAdmission(signal: AbortSignal): Promise<void> {
    const { certificates, webhookServer, registration } = this.#parts;
    const { promise: first, resolve } = Promise.withResolvers<undefined>();
    const unsubscribe = certificates.onChange(() => resolve(undefined));
    signal.addEventListener('abort', () => resolve(undefined));
    if (!certificates.current()) await first;
    unsubscribe();
    const certificate = certificates.current();
    if (!certificate || signal.aborted) return;
    const address = await webhookServer.start(certificate, certificates);
    this.#logger.info({ address }, 'webhook listening');
    registration.reconcile();
  }

  /** Brings memory up to what the API server holds, and the configuration into force. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { tokens, config, observed } = this.#parts;
    const ended = aborted(signal);
    await Promise.race([Promise.all([tokens.synced, ...this.#mainWatches().map((part) => part.synced)]), ended]);
    // A right to read these Secrets that is missing in one namespace must hold up nothing.
    const accessKeys = [...observed.accessKeySecrets.values()].map((part) => part.synced);
    await Promise.race([
      Promise.all(accessKeys),
      this.#clock.sleep(ACCESS_KEYS_WITHIN_MS, signal).catch(() => undefined),
    ]);
    await Promise.race([this.#serverVersion.known, ended]);
    await Promise.race([config.begin(tokens.current.configuration), ended]);
    if (signal.aborted) return;
    this.#hasBegun = true;
    // Not before: a replica that cannot do the work must not keep another from it.
    await this.#parts.leadership.run(this.#resigning.signal, (term) => this.#lead(term));
  }

  /**
   * Who leads makes the CA, so that is settled first: the others find it missing, or damaged, with good reason only. So is whether
   * everything is paused, as a CA that is missing must not be written then.
   */
  async #certify(signal: AbortSignal): Promise<void> {
    const { pause, leadership, certificates } = this.#parts;
    await Promise.race([Promise.all([pause.known, leadership.settled]), aborted(signal)]);
    await certificates.run(signal);
  }

  /** Does what only one replica does, until `term` fires. */
  #lead(term: AbortSignal): void {
    const { tokens, config, refresher, secretReconciler, serviceAccountReconciler, registration, ...rest } =
      this.#parts;
    this.#logger.info({}, 'leading');
    // Only the end of the term ends the tries of a write, and then another sees to it.
    const store = (update: TokensUpdate) => void tokens.update(update, term).catch(() => undefined);
    const rememberConfiguration = () => {
      const { currentData } = config;
      if (!currentData) return;
      const configuration = rememberedData(currentData);
      if (!configuration) rest.reporter.configurationTooLarge();
      store(({ credentials }) => ({ credentials, configuration }));
    };
    rememberConfiguration();
    const unsubscribe = config.onChange(rememberConfiguration);
    rest.leaderEvents.begin();
    rest.tokensKeeper.start(term);
    refresher.start(term);
    secretReconciler.start(term);
    serviceAccountReconciler.start(term);
    registration.start(term);
    rest.missedInjections.start(term);
    void rest.certificates.refresh(term);
    void rest.selfTest.run(term);
    void rest.officialComponent.run(term);
    term.addEventListener('abort', () => {
      unsubscribe();
      this.#logger.info({}, 'leading no longer');
    });
  }

  #tellIfLowered(): void {
    const { config, reporter } = this.#parts;
    const serverMinor = this.#serverVersion.minor;
    const isLowered = config.current && lowersFailurePolicy({ config: config.current, serverMinor });
    if (isLowered) reporter.failurePolicyLowered(serverMinor);
  }

  #mainWatches() {
    const { namespaces, serviceAccounts, pullSecrets } = this.#parts.observed;
    return [namespaces, serviceAccounts, pullSecrets];
  }

  /** Once ready, only the end makes the service unready: a replica less is worse than one that lacks something. */
  #readiness(): ReadinessChecks {
    const { pause, config, certificates, registration, webhookServer } = this.#parts;
    const checks = {
      // While everything is paused, a certificate that is missing stays missing, and nobody calls the webhook.
      listening: webhookServer.isListening || (pause.isOn && !certificates.current()),
      configurationRead: this.#hasBegun,
      synced: this.#mainWatches().every((part) => part.hasSynced),
      trusted: pause.isOn || !config.current?.webhook.enabled || registration.isTrusted,
    };
    this.#hasBeenReady ||= Object.values(checks).every(Boolean);
    if (this.#isDraining) return { ...checks, serving: false };
    return this.#hasBeenReady ? { serving: true } : checks;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });
}
