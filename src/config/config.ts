/** The configuration that users write in the ConfigMap `kube-system/acr-configuration`, parsed and validated. */
export interface Config {
  /** In the order of the configuration; never empty. */
  readonly registries: readonly RegistryEntry[];
  readonly watchNamespaces: NamePattern;
  /** Globs (`*`): these namespaces are no targets, whatever `watchNamespaces` says. */
  readonly excludeNamespaces: readonly string[];
  readonly serviceAccounts: NamePattern;
  /** Renew a token this long before it expires. */
  readonly expiringThresholdMs: number;
  /** The version of the Enterprise API. */
  readonly acrApiVersion: string;
  /** The `email` of the auth entries; absent: none. */
  readonly notifyEmail?: string;
  /** Names of dockerconfigjson Secrets of the own namespace whose entries are merged in. */
  readonly extraAuths: readonly string[];
  /** May RAM roles be assumed with the ServiceAccount's own token? */
  readonly rrsaEnabled: boolean;
  readonly webhook: WebhookConfig;
}

/** Every name, or the listed ones. */
export type NamePattern = 'all' | readonly string[];

/** One instance of the registry service that tokens are fetched for. */
export interface RegistryEntry {
  /** Unique in a configuration, stable between edits: names the entry in logs, metrics and the tokens Secret. */
  readonly key: string;
  /** Without it and `instanceName`: the Personal Edition instance of the region. */
  readonly instanceId?: string;
  /** An Enterprise instance that the configuration does not say the ID of. */
  readonly instanceName?: string;
  /** Absent: the cluster's region. */
  readonly regionId?: string;
  /** Empty: every domain of the instance. */
  readonly domains: readonly string[];
  /** The RAM role that is assumed on top of the identity, and that the token is asked for as. */
  readonly assumeRoleArn?: string;
  /** How long a session of an assumed role lasts, 900–43200; absent: an hour. */
  readonly expireDurationSeconds?: number;
  /** With `rrsaOidcProviderArn`: the RAM role that is assumed with the ServiceAccount's own token. */
  readonly rrsaRoleArn?: string;
  readonly rrsaOidcProviderArn?: string;
  /** The entry's own AccessKey, in plain text. */
  readonly accessKey?: { readonly id: string; readonly secret: string };
  /** The name of a Secret of the own namespace that holds the entry's own AccessKey. */
  readonly accessKeySecretRef?: string;
  /** Only these namespaces get the entry's token; absent: every target. */
  readonly namespaces?: readonly string[];
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

/**
 * The outcome of parsing: a configuration, or every problem that stands in its way. Warnings come with both.
 * `personalByDefault`: no registry was configured, so it is the Personal instance of the cluster's region.
 */
export type ParsedConfig =
  | { ok: true; config: Config; warnings: ConfigProblem[]; personalByDefault: boolean }
  | { ok: false; problems: ConfigProblem[]; warnings: ConfigProblem[] };
