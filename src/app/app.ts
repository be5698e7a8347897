import { aborted, withDeadline, type Clock } from '../clock.ts';
import { rememberedData } from '../config/remembered-data.ts';
import { referencedSecretNames } from '../config/referenced-secret-names.ts';
import { createComponents, type Components } from './components.ts';
import type { TokensUpdate } from '../credentials/tokens-store.ts';
import type { KubeConnection } from '../kube/connection.ts';
import { KubeClient } from '../kube/kube-client.ts';
import { refOf } from '../kube/object-map.ts';
import type { ServeOptions } from '../commands/serve-options.ts';
import { countState, describeState } from './service-state.ts';
import { StatusServer, type ReadinessChecks } from '../server/status-server.ts';
import type { Logger } from '../telemetry/logger.ts';
import { Metrics } from '../telemetry/metrics.ts';

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
/** For what is under way when the service ends; an API server that is there has answered by then. */
const LAST_CALLS_MS = 2_000;

/** The service: `start` resolves when its status can be asked for, `stop` when everything has ended. */
export class App {
  readonly #options: ServeOptions;
  readonly #clock: Clock;
  readonly #onFatal: (error: unknown) => void;
  readonly #logger: Logger;
  readonly #client: KubeClient;
  readonly #metrics = new Metrics();
  readonly #parts: Components;
  readonly #statusServer: StatusServer;
  readonly #stopping = new AbortController();
  readonly #resigning = new AbortController();
  readonly #running: Promise<void>[] = [];
  #isSynced = false;
  #hasBegun = false;
  #hasBeenReady = false;
  #isDraining = false;

  constructor({ options, connection, clock, logger, environment, onFatal }: AppOptions) {
    this.#onFatal = onFatal;
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
    this.#client = new KubeClient(connection);
    this.#parts = createComponents({
      options,
      client: this.#client,
      clock,
      logger,
      metrics: this.#metrics,
      environment,
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
    const { observed, tokens, config, admission } = this.#parts;
    const status = await this.#statusServer.start();
    this.#logger.info({ status, ownNamespace: this.#options.namespace }, 'started');
    const watched = [...this.#mainWatches(), ...observed.accessKeySecrets.values(), observed.referencedSecrets];
    this.#running.push(...[...watched, tokens, config].map((part) => part.run(signal)));
    this.#running.push(admission.run(signal).catch(this.#onFatal), this.#follow(signal));
  }

  /** Not ready any more, then no longer listening, then gone; what is under way is finished. */
  async stop(): Promise<void> {
    const { admission } = this.#parts;
    this.#isDraining = true;
    this.#resigning.abort();
    admission.drain();
    this.#logger.info({ drainMs: this.#options.drainMs }, 'stopping');
    await admission.stop();
    this.#stopping.abort();
    const lastCalls = withDeadline(this.#clock, LAST_CALLS_MS);
    await Promise.race([Promise.allSettled(this.#running), aborted(lastCalls.signal)]);
    lastCalls.clear();
    await this.#statusServer.stop();
    await this.#client.close();
    this.#logger.info({}, 'stopped');
  }

  /** What leads from one part to another when something changes; data flows from top to bottom. */
  #connectParts(): void {
    const { observed, tokens, config, refresher, secretReconciler, serviceAccountReconciler, ...rest } = this.#parts;
    // Before a Secret opens a registry, Pods with its images are to come to the webhook.
    const reconcileSecrets = () => void rest.admission.caughtUp().then(() => secretReconciler.reconcileAll());
    config.onChange((current) => {
      observed.referencedSecrets.follow(referencedSecretNames(current));
      refresher.configure(current);
      reconcileSecrets();
      serviceAccountReconciler.reconcileAll();
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
      rest.reporter.configuration.paused(isOn);
      reconcileSecrets();
      serviceAccountReconciler.reconcileAll();
    });
  }

  /** Brings memory up to what the API server holds, and the configuration into force. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { tokens, config, observed, admission, leadership } = this.#parts;
    const ended = aborted(signal);
    await Promise.race([Promise.all([tokens.synced, ...this.#mainWatches().map((part) => part.synced)]), ended]);
    this.#isSynced = !signal.aborted;
    // A right to read these Secrets that is missing in one namespace must hold up nothing.
    const accessKeys = [...observed.accessKeySecrets.values()].map((part) => part.synced);
    await Promise.race([
      Promise.all(accessKeys),
      this.#clock.sleep(ACCESS_KEYS_WITHIN_MS, signal).catch(() => undefined),
    ]);
    await Promise.race([admission.prepared, ended]);
    await Promise.race([config.begin(tokens.current.configuration), ended]);
    if (signal.aborted) return;
    this.#hasBegun = true;
    // Not before: a replica that cannot do the work must not keep another from it.
    await leadership.run(this.#resigning.signal, (term) => this.#lead(term));
  }

  /** Does what only one replica does, until `term` fires. */
  #lead(term: AbortSignal): void {
    const { tokens, config, refresher, secretReconciler, serviceAccountReconciler, admission, ...rest } = this.#parts;
    this.#logger.info({}, 'leading');
    // Only the end of the term ends the tries of a write, and then another sees to it.
    const store = (update: TokensUpdate) => void tokens.update(update, term).catch(() => undefined);
    const rememberConfiguration = () => {
      const { currentData } = config;
      if (!currentData) return;
      const configuration = rememberedData(currentData);
      if (!configuration) rest.reporter.configuration.tooLarge();
      store(({ credentials }) => ({ credentials, configuration }));
    };
    rememberConfiguration();
    const unsubscribe = config.onChange(rememberConfiguration);
    rest.leaderEvents.begin();
    rest.tokensKeeper.start(term);
    refresher.start(term);
    secretReconciler.start(term);
    serviceAccountReconciler.start(term);
    admission.lead(term);
    void rest.officialComponent?.run(term);
    term.addEventListener('abort', () => {
      unsubscribe();
      this.#logger.info({}, 'leading no longer');
    });
  }

  #mainWatches() {
    const { namespaces, serviceAccounts, pullSecrets } = this.#parts.observed;
    return [namespaces, serviceAccounts, pullSecrets];
  }

  /** Once ready, only the end makes the service unready: a replica less is worse than one that lacks something. */
  #readiness(): ReadinessChecks {
    const checks = {
      ...this.#parts.admission.checks,
      synced: this.#isSynced,
      configurationRead: this.#hasBegun,
    };
    this.#hasBeenReady ||= Object.values(checks).every(Boolean);
    if (this.#isDraining) return { ...checks, serving: false };
    return this.#hasBeenReady ? { serving: true } : checks;
  }
}
