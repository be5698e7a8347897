import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { LogLine } from './service-process.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

export interface CommandEnd {
  code: number;
  /** Its log, oldest line first. */
  logs: LogLine[];
  stderr: string;
}

/** Runs a command of the service that ends by itself, or by SIGTERM `at` some time; to fail is a result, too. */
export function runCommand(
  command: string,
  flags: Readonly<Record<string, string>>,
  terminate?: { at: Promise<unknown> },
): Promise<CommandEnd> {
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  const environment = { PATH: process.env.PATH, HOME: process.env.HOME };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [MAIN, command, ...args],
      { env: environment },
      (error, stdout, stderr) => {
        const code = typeof error?.code === 'number' ? error.code : error ? -1 : 0;
        const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
        resolve({ code, logs: lines.map((line) => JSON.parse(line) as LogLine), stderr });
      },
    );
    terminate?.at.then(
      () => child.kill('SIGTERM'),
      () => undefined,
    );
  });
}
