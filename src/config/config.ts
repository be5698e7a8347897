/** The configuration that users write in the ConfigMap `kube-system/acr-configuration`, parsed and validated. */
export interface Config {
  /** In the order of the configuration; never empty. */
  readonly registries: readonly RegistryEntry[];
  readonly watchNamespaces: NamePattern;
  readonly serviceAccounts: NamePattern;
  /** Renew a token this long before it expires. */
  readonly expiringThresholdMs: number;
  /** The version of the Enterprise API. */
  readonly acrApiVersion: string;
  readonly webhook: WebhookConfig;
}

/** Every name, or the listed ones. */
export type NamePattern = 'all' | readonly string[];

/** One instance of the registry service that tokens are fetched for. */
export interface RegistryEntry {
  /** Unique in a configuration, stable between edits: names the entry in logs, metrics and the tokens Secret. */
  readonly key: string;
  /** Absent: the Personal Edition instance of the region. */
  readonly instanceId?: string;
  /** Absent: the cluster's region. */
  readonly regionId?: string;
  /** Empty: every domain of the instance. */
  readonly domains: readonly string[];
}

export interface WebhookConfig {
  readonly enabled: boolean;
  readonly failurePolicy: 'Ignore' | 'Fail';
  /** What the API server waits for an answer, 1–30 s. */
  readonly timeoutSeconds: number;
}

/** Something wrong with the configuration, said so that its author can mend it. */
export interface ConfigProblem {
  /** The key of the ConfigMap's data. */
  key: string;
  /** 1-based, inside that key's text. */
  line: number;
  /** 1-based. */
  column: number;
  /** What was found and why it does not do. */
  found: string;
  /** What to write instead. */
  fix: string;
}

/** The outcome of parsing: a configuration, or every problem that stands in its way. Warnings come with both. */
export type ParsedConfig =
  | { ok: true; config: Config; warnings: ConfigProblem[] }
  | { ok: false; problems: ConfigProblem[]; warnings: ConfigProblem[] };
