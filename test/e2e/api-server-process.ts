import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The API server of a control plane that a script of `test/cluster` started, told by the folder that its kubeconfig is in. */
export class ApiServerProcess {
  readonly #pidFile: string;
  readonly #log: string;

  /** Undefined where the cluster is somebody else's. */
  static of(kubeconfig: string): ApiServerProcess | undefined {
    const names = ['kube-apiserver', 'modern-api-server'];
    const name = names.find((each) => existsSync(join(dirname(kubeconfig), `${each}.pid`)));
    return name === undefined ? undefined : new ApiServerProcess(dirname(kubeconfig), name);
  }

  private constructor(folder: string, name: string) {
    this.#pidFile = join(folder, `${name}.pid`);
    this.#log = join(folder, `${name}.log`);
  }

  /** Why it did not get through to a webhook, as its log says, and how often. */
  get webhookFailures(): ReadonlyMap<string, number> {
    const lines = readFileSync(this.#log, 'utf8').split('\n');
    const failures = lines.flatMap((line) => /ailed calling webhook, .*Post "[^"]*": (.*)$/.exec(line)?.[1] ?? []);
    // Addresses and ports are not the reason.
    const reasons = failures.map((text) => text.replaceAll(/\d+\.\d+\.\d+\.\d+:\d+/g, 'HOST').replaceAll('"', ''));
    return new Map([...Map.groupBy(reasons, (reason) => reason)].map(([reason, all]) => [reason, all.length]));
  }

  /** Ends it without giving it time for anything, and starts it again at once with the same arguments. */
  async restart(): Promise<void> {
    const pid = Number(readFileSync(this.#pidFile, 'utf8'));
    const [command = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    process.kill(pid, 'SIGKILL');
    while (existsSync(`/proc/${pid}`)) await sleep(50);
    const log = openSync(this.#log, 'a');
    const child = spawn(command, args, { detached: true, stdio: ['ignore', log, log] });
    child.unref();
    writeFileSync(this.#pidFile, String(child.pid));
  }
}
