import { configMapRule, isName, namespaceRule } from '../config/object-name.ts';
import {
  describeFlags,
  firstSet,
  parseBoolean,
  parseNamespaces,
  parseNonNegativeDuration,
  parsePositiveDuration,
  parseSecretName,
  readFlags,
  type Environment,
  type Flag,
} from './flag-reader.ts';
import type { ObjectRef } from '../kube/resources.ts';
import { tokenModes, type TokenMode } from '../identity/token-mode.ts';
import { parseListenAddress, type ListenAddress } from '../server/listen-address.ts';
import { logLevels, type LogLevel } from '../telemetry/logger.ts';

/** What `serve` was started with. */
export interface ServeOptions {
  kubeconfig: string | undefined;
  /** The own namespace. */
  namespace: string;
  /** The only ones that it has rights in: then without the webhook. Undefined: rights are for the whole cluster. */
  namespaces: string[] | undefined;
  configMap: Required<ObjectRef>;
  secretName: string;
  listen: ListenAddress;
  metricsListen: ListenAddress;
  service: string;
  webhookUrl: string | undefined;
  ownerClusterRole: string | undefined;
  region: string | undefined;
  tokenMode: TokenMode;
  /** Of the own namespace, instead of `alibaba-addon-secret` in that or in kube-system. */
  accessKeySecret: string | undefined;
  crEndpoint: URL | undefined;
  stsEndpoint: URL | undefined;
  metadataEndpoint: URL | undefined;
  tlsDir: string | undefined;
  caLifetimeMs: number;
  certificateLifetimeMs: number;
  /** False: knows of no other replica. */
  leaderElect: boolean;
  drainMs: number;
  logLevel: LogLevel;
}

/** The flags of `serve`. */
export const flags = {
  kubeconfig: { value: 'FILE', help: 'default: in-cluster, else what KUBECONFIG names' },
  namespace: { value: 'NAME', help: 'the own namespace; default: POD_NAMESPACE, else kube-system' },
  namespaces: {
    value: 'NAME,...',
    help: 'serves only these, without the webhook and rights in the whole cluster; default: all',
  },
  'config-map': { value: 'NAMESPACE/NAME', default: 'kube-system/acr-configuration', help: 'the configuration' },
  'secret-name': { value: 'NAME', default: 'acr-credential-secret-aggregation', help: 'the pull Secrets' },
  listen: { value: 'HOST:PORT', default: '[::]:8443', help: 'HTTPS: the webhook' },
  'metrics-listen': { value: 'HOST:PORT', default: '[::]:8080', help: 'HTTP: /metrics, /livez, /readyz, /status' },
  service: { value: 'NAME', default: 'acr-credential-injector', help: 'the Service that leads to the webhook' },
  'webhook-url': { value: 'URL', help: 'where the API server calls a webhook outside the cluster' },
  'owner-cluster-role': { value: 'NAME', help: 'its deletion removes the webhook registration' },
  region: { value: 'ID', help: "the cluster's region; default: the metadata service's" },
  'token-mode': { value: 'MODE', default: 'auto', help: `whose credentials: ${tokenModes.join(', ')}` },
  'access-key-secret': {
    value: 'NAME',
    help: "the AccessKey's, in the own namespace; default: alibaba-addon-secret, there or in kube-system",
  },
  'cr-endpoint': { value: 'URL', help: "sends every call of the registry's OpenAPI there" },
  'sts-endpoint': { value: 'URL', help: 'sends every call of the Security Token Service there' },
  'metadata-endpoint': { value: 'URL', help: 'sends every call of the metadata service there' },
  'tls-dir': { value: 'DIRECTORY', help: 'tls.crt, tls.key and ca.crt of somebody else; default: self-managed' },
  'ca-lifetime': { value: 'DURATION', default: '8760h', help: 'of the self-managed CA' },
  'certificate-lifetime': { value: 'DURATION', default: '720h', help: 'of the self-managed serving certificate' },
  'leader-elect': { value: 'true|false', default: 'true', help: 'one replica of several renews tokens and writes' },
  drain: { value: 'DURATION', default: '10s', help: 'how long SIGTERM still serves' },
  'log-level': { value: 'LEVEL', default: 'info', help: logLevels.join(', ') },
} as const satisfies Record<string, Flag>;

/**
 * Reads the flags of `serve`. A flag wins over its environment variable (`--webhook-url` = `ACR_INJECTOR_WEBHOOK_URL`).
 * @throws OptionsError
 */
export function parseServeOptions(args: string[], environment: Environment): ServeOptions {
  const { textOf, read, required, check } = readFlags(flags, args, environment);
  const accessKeySecret = read('access-key-secret', parseSecretName);
  // Who names a Secret means that one, even while it is missing.
  const automatic = accessKeySecret === undefined ? 'auto' : 'accessKey';
  const options: ServeOptions = {
    kubeconfig: textOf('kubeconfig'),
    namespace: firstSet(textOf('namespace'), environment.POD_NAMESPACE) ?? 'kube-system',
    namespaces: read('namespaces', parseNamespaces),
    configMap: required('config-map', parseObjectRef, { namespace: '', name: '' }),
    secretName: required('secret-name', parseSecretName, ''),
    listen: required('listen', parseListenAddress, { host: '::', port: 8443 }),
    metricsListen: required('metrics-listen', parseListenAddress, { host: '::', port: 8080 }),
    service: textOf('service') ?? '',
    webhookUrl: read('webhook-url', (text) => (parseUrl(text)?.protocol === 'https:' ? text : undefined)),
    ownerClusterRole: textOf('owner-cluster-role'),
    region: textOf('region'),
    tokenMode: required(
      'token-mode',
      (text) => (text === 'auto' ? automatic : tokenModes.find((mode) => mode === text)),
      'auto',
    ),
    accessKeySecret,
    crEndpoint: read('cr-endpoint', parseUrl),
    stsEndpoint: read('sts-endpoint', parseUrl),
    metadataEndpoint: read('metadata-endpoint', parseUrl),
    tlsDir: textOf('tls-dir'),
    caLifetimeMs: required('ca-lifetime', parsePositiveDuration, 0),
    certificateLifetimeMs: required('certificate-lifetime', parsePositiveDuration, 0),
    leaderElect: required('leader-elect', parseBoolean, true),
    drainMs: required('drain', parseNonNegativeDuration, 0),
    logLevel: required('log-level', (text) => logLevels.find((level) => level === text), 'info'),
  };
  check();
  return options;
}

/** The flags of `serve` for `--help`, one a line. */
export function describeServeFlags(): string {
  return describeFlags(flags);
}

function parseObjectRef(text: string): Required<ObjectRef> | undefined {
  const [namespace = '', name = '', ...rest] = text.split('/');
  const isRef = isName(namespace, namespaceRule) && isName(name, configMapRule) && rest.length === 0;
  return isRef ? { namespace, name } : undefined;
}

function parseUrl(text: string): URL | undefined {
  return URL.parse(text) ?? undefined;
}
