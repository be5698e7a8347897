import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[];

/** Messages are constants, data goes into fields; no field ever holds a token, a key or a whole object. */
export type Logger = Pick<PinoLogger, LogLevel>;

/** JSON lines: `time` in ISO 8601, `level` by name, `msg`. Errors are reduced to what is safe and of use. */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: undefined,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: serializeError },
    // The last line of defence: these names hold secrets wherever they turn up.
    redact: {
      paths: ['password', 'accessKeySecret', 'securityToken', 'authorization', 'auth', 'data'].flatMap((name) => [
        name,
        `*.${name}`,
      ]),
      censor: '[redacted]',
    },
  };
  return pino(options, destination ?? standardOutput());
}

/** Pino's own stream to it tries forever, and holds up everything, once nobody reads the log any more. */
function standardOutput(): DestinationStream {
  return process.stdout.on('error', () => undefined);
}

/** A stack or a cause may quote a request; the coded errors' messages never do. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message } = error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return { name, code, message };
}
