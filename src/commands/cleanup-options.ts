import {
  describeFlags,
  firstSet,
  parseNamespaces,
  parsePositiveDuration,
  parseSecretNames,
  readFlags,
  type Environment,
} from './flag-reader.ts';
import { flags as serveFlags } from './serve-options.ts';
import { logLevels, type LogLevel } from '../telemetry/logger.ts';

/** What `cleanup` was started with. */
export interface CleanupOptions {
  kubeconfig: string | undefined;
  /** The own namespace. */
  namespace: string;
  /** The only ones to look in; undefined: the whole cluster. */
  namespaces: string[] | undefined;
  /** Of the first pull Secret of each namespace: that of now, and others that it had before. */
  secretNames: string[];
  timeoutMs: number;
  logLevel: LogLevel;
}

const flags = {
  kubeconfig: serveFlags.kubeconfig,
  namespace: serveFlags.namespace,
  namespaces: { value: 'NAME,...', help: 'those of serve; default: all' },
  'secret-name': { ...serveFlags['secret-name'], value: 'NAME,...', help: 'the pull Secrets, with names of before' },
  timeout: { value: 'DURATION', default: '5m', help: 'for how long to try' },
  'log-level': serveFlags['log-level'],
};

/**
 * Reads the flags of `cleanup`; those that it shares with `serve` mean the same.
 * @throws OptionsError
 */
export function parseCleanupOptions(args: string[], environment: Environment): CleanupOptions {
  const { textOf, read, required, check } = readFlags(flags, args, environment);
  const options: CleanupOptions = {
    kubeconfig: textOf('kubeconfig'),
    namespace: firstSet(textOf('namespace'), environment.POD_NAMESPACE) ?? 'kube-system',
    namespaces: read('namespaces', parseNamespaces),
    secretNames: required('secret-name', parseSecretNames, []),
    timeoutMs: required('timeout', parsePositiveDuration, 0),
    logLevel: required('log-level', (text) => logLevels.find((level) => level === text), 'info'),
  };
  check();
  return options;
}

/** The flags of `cleanup` for `--help`, one a line. */
export function describeCleanupFlags(): string {
  return describeFlags(flags);
}
