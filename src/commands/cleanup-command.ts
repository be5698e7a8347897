import { Cleanup, type CleanupReport } from '../cleanup/cleanup.ts';
import { parseCleanupOptions } from './cleanup-options.ts';
import { systemClock, withDeadline } from '../clock.ts';
import type { Environment } from './flag-reader.ts';
import { KubeConnection } from '../kube/connection.ts';
import { isNotFound } from '../kube/if-there.ts';
import { KubeClient } from '../kube/kube-client.ts';
import { resources } from '../kube/resources.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';

/** So many names are enough to see where to look. */
const MAX_NAMES = 50;

/**
 * The command `cleanup`.
 * @returns the exit code: 0 when nothing is left of what the service made.
 */
export async function runCleanup(args: string[], environment: Environment): Promise<number> {
  const { kubeconfig, timeoutMs, logLevel, ...where } = parseCleanupOptions(args, environment);
  const logger = createLogger(logLevel);
  const client = new KubeClient(KubeConnection.load(kubeconfig, systemClock));
  const stopping = new AbortController();
  const stop = (signal: NodeJS.Signals) => stopping.abort(new Error(`ended by ${signal}`));
  const deadline = withDeadline(systemClock, timeoutMs, stopping.signal);
  // A second signal does not wait for the first one's end.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop);
  const cleanup = new Cleanup({
    client,
    clock: systemClock,
    ...where,
    onRetry: (error, retryInMs) => logger.warn({ error, retryInMs }, 'trying again'),
    onRemoved: (name) => logger.debug({ name }, 'removed'),
    onFailure: (name, error) => logger.error({ name, error }, 'not removed'),
  });
  try {
    if (await isMissing(where.namespace, client)) {
      logger.error(
        { ownNamespace: where.namespace },
        'there is no such namespace: --namespace is to be that of the release',
      );
      return 1;
    }
    logger.info({ ownNamespace: where.namespace }, 'cleaning up');
    return conclude(await cleanup.run(deadline.signal), logger);
  } catch (error) {
    // What failed by that is no fault of the API server.
    stopping.signal.throwIfAborted();
    throw error;
  } finally {
    deadline.clear();
    await client.close();
  }
}

/** Is the namespace known not to be there? Who may not ask goes on. */
async function isMissing(name: string, client: Pick<KubeClient, 'get'>): Promise<boolean> {
  return client.get(resources.namespaces, { name }).then(() => false, isNotFound);
}

function conclude({ removed, left, liveness, isThrough }: CleanupReport, logger: Logger): number {
  if (liveness === 'Alive') {
    logger.warn({}, 'the service still runs, and is kept still for five minutes: end it, then clean up again');
  }
  if (left.length === 0 && isThrough) {
    logger.info({ removed }, 'nothing is left');
    return 0;
  }
  const known = { removed, left: left.slice(0, MAX_NAMES), leftCount: left.length };
  logger.error(known, isThrough ? 'not everything is gone' : 'ended too early: this is what was left when last seen');
  return 1;
}
