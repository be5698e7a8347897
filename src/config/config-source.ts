import type { Clock } from '../clock.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { ConfigMap } from '../kube/objects.ts';
import { Reflector, type Reduced } from '../kube/reflector.ts';
import { resources, type ObjectRef } from '../kube/resources.ts';
import type { Config, ConfigProblem, ParsedConfig } from './config.ts';
import { confineConfig } from './confine-config.ts';
import { parseConfig } from './parse-config.ts';
import { PAUSE_ANNOTATION, type Pause } from './pause.ts';
import { formatProblem } from './problem-report.ts';

type ConfigData = Readonly<Record<string, string>>;

/** What became of the ConfigMap as it was last seen. */
export type ConfigReading =
  | { kind: 'accepted'; data: ConfigData; warnings: ConfigProblem[]; personalByDefault: boolean }
  | { kind: 'refused'; problems: ConfigProblem[]; warnings: ConfigProblem[]; keepsLastGood: boolean }
  | { kind: 'missing'; keepsLastGood: boolean };

export interface ConfigSourceOptions {
  client: Pick<KubeClient, 'list' | 'watch'>;
  clock: Clock;
  configMap: Required<ObjectRef>;
  /** Those that the service has rights in, if not in all. */
  namespaces?: readonly string[] | undefined;
  /** Switched as the ConfigMap's annotation says; a ConfigMap that goes leaves it as it is. */
  pause: Pause;
  /** Told of every edit and of what the first look found. */
  onReading: (reading: ConfigReading, uid: string | undefined) => void;
  onWatchRestart: (error: unknown) => void;
}

interface ObservedConfigMap extends Reduced {
  readonly data: ConfigData;
  readonly uid: string | undefined;
  readonly paused: boolean;
}

/** The configuration in force: what the ConfigMap says, or the last that was good. */
export class ConfigSource {
  readonly #options: ConfigSourceOptions;
  readonly #reflector: Reflector<ConfigMap, ObservedConfigMap>;
  readonly #listeners = new Set<(config: Config) => void>();
  #current: Config | undefined;
  #currentData: ConfigData | undefined;
  #lastReading: ConfigReading | undefined;

  constructor(options: ConfigSourceOptions) {
    this.#options = options;
    const { client, clock, configMap, onWatchRestart } = options;
    this.#reflector = new Reflector<ConfigMap, ObservedConfigMap>({
      client,
      clock,
      resource: resources.configMaps,
      namespace: configMap.namespace,
      fieldSelector: `metadata.name=${configMap.name}`,
      reduce: ({ metadata, data }) => ({
        resourceVersion: metadata.resourceVersion ?? '',
        uid: metadata.uid,
        data: data ?? {},
        paused: metadata.annotations?.[PAUSE_ANNOTATION] === 'true',
      }),
      onRestart: onWatchRestart,
    });
  }

  /** Undefined until there has been a good one. */
  get current(): Config | undefined {
    return this.#current;
  }

  /** The ConfigMap's data that {@link current} was read from. */
  get currentData(): ConfigData | undefined {
    return this.#currentData;
  }

  /** What became of the ConfigMap as it stands, for people. */
  get lastReading(): { kind: ConfigReading['kind'] | 'unread'; problems: string[]; warnings: string[] } {
    const { kind = 'unread', ...reading } = this.#lastReading ?? {};
    const problems = 'problems' in reading ? reading.problems : [];
    const warnings = 'warnings' in reading ? reading.warnings : [];
    return { kind, problems: problems.map(formatProblem), warnings: warnings.map(formatProblem) };
  }

  /** Told of every configuration that comes into force. Returns what ends that. */
  onChange(listener: (config: Config) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Watches the ConfigMap until `signal` fires; whether it pauses everything is said as soon as it is known. */
  run(signal: AbortSignal): Promise<void> {
    void this.#reflector.synced.then(() => this.#options.pause.switch(this.#observed?.paused ?? false));
    return this.#reflector.run(signal);
  }

  /**
   * Reads what the first list found and follows every edit from there.
   * @param lastGood data that was good before a restart: in force unless the ConfigMap is good itself.
   */
  async begin(lastGood: ConfigData | undefined): Promise<void> {
    await this.#reflector.synced;
    const observed = this.#observed;
    this.#options.pause.switch(observed?.paused ?? false);
    this.#adopt(lastGood);
    this.#read(observed);
    this.#reflector.subscribe((_key, current) => this.#read(current));
  }

  get #observed(): ObservedConfigMap | undefined {
    const { namespace, name } = this.#options.configMap;
    return this.#reflector.get({ namespace, name });
  }

  #adopt(data: ConfigData | undefined): void {
    const parsed = data && this.#parse(data);
    if (parsed?.ok) this.#enforce(parsed.config, data);
  }

  #read(observed: ObservedConfigMap | undefined): void {
    const keepsLastGood = this.#current !== undefined;
    if (!observed) {
      this.#tell({ kind: 'missing', keepsLastGood }, undefined);
      return;
    }
    const { data, uid, paused } = observed;
    if (paused) this.#options.pause.switch(true);
    const parsed = this.#parse(data);
    if (!parsed.ok) {
      this.#tell({ kind: 'refused', problems: parsed.problems, warnings: parsed.warnings, keepsLastGood }, uid);
    } else {
      const { warnings, personalByDefault } = parsed;
      this.#tell({ kind: 'accepted', data, warnings, personalByDefault }, uid);
      this.#enforce(parsed.config, data);
    }
    // Not before the configuration beside it is in force.
    if (!paused) this.#options.pause.switch(false);
  }

  #parse(data: ConfigData): ParsedConfig {
    const { namespaces } = this.#options;
    const parsed = parseConfig(data);
    return namespaces ? confineConfig(parsed, namespaces) : parsed;
  }

  #tell(reading: ConfigReading, uid: string | undefined): void {
    this.#lastReading = reading;
    this.#options.onReading(reading, uid);
  }

  #enforce(config: Config, data: ConfigData | undefined): void {
    // An edit of labels, or of nothing, disturbs nobody.
    if (this.#current && JSON.stringify(data) === JSON.stringify(this.#currentData)) return;
    this.#current = config;
    this.#currentData = data;
    for (const listener of this.#listeners) listener(config);
  }
}
