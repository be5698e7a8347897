#!/usr/bin/env node
import { App } from './app/app.ts';
import { runCleanup } from './commands/cleanup-command.ts';
import { describeCleanupFlags } from './commands/cleanup-options.ts';
import { systemClock } from './clock.ts';
import { messageOf } from './errors.ts';
import { OptionsError } from './commands/flag-reader.ts';
import { KubeConnection } from './kube/connection.ts';
import { describeServeFlags, parseServeOptions } from './commands/serve-options.ts';
import { createLogger } from './telemetry/logger.ts';
import { versionText } from './version.ts';

// Of dependencies, which their authors know of: on standard error they would only hide what matters.
process.noDeprecation = true;

const usage = `Usage: acr-credential-injector <command> [flags]

Commands:
  serve      runs the service
  cleanup    detaches and deletes everything that the service made
  version    prints version, commit and Node's version

Flags of serve (each also from the environment: --log-level = ACR_INJECTOR_LOG_LEVEL):
${describeServeFlags()}

Flags of cleanup:
${describeCleanupFlags()}
`;

async function serve(args: string[]): Promise<void> {
  const options = parseServeOptions(args, process.env);
  const logger = createLogger(options.logLevel);
  const connection = KubeConnection.load(options.kubeconfig, systemClock);
  const onFatal = (error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  };
  const app = new App({ options, connection, clock: systemClock, logger, environment: process.env, onFatal });
  const stop = (signal: NodeJS.Signals) => {
    // A second signal does not wait for the first one's end.
    process.once(signal, () => process.exit(1));
    app.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  await app.start();
}

async function main([command, ...args]: string[]): Promise<number | undefined> {
  switch (command) {
    case 'serve':
      if (args.includes('--help')) break;
      await serve(args);
      return undefined;
    case 'cleanup':
      if (args.includes('--help')) break;
      return runCleanup(args, process.env);
    case 'version':
      process.stdout.write(`${versionText()}\n`);
      return 0;
    case '--help':
    case 'help':
      break;
    case undefined:
    default:
      process.stderr.write(command ? `unknown command "${command}"\n\n${usage}` : usage);
      return 2;
  }
  process.stdout.write(usage);
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => {
    if (code !== undefined) process.exitCode = code;
  },
  (error: unknown) => {
    const advice = error instanceof OptionsError ? '\nsee "acr-credential-injector help"' : '';
    process.stderr.write(`${messageOf(error)}${advice}\n`);
    process.exit(error instanceof OptionsError ? 2 : 1);
  },
);
