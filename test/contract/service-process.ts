import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { freePorts } from './free-ports.ts';
import { uniqueName } from './unique-name.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
/** Halves the time that a start takes. */
const NODE_COMPILE_CACHE = join(tmpdir(), 'acr-credential-injector-compile-cache');
/** No promise: a machine that does other things may take long to start a process. */
const START = { withinMs: 25_000 };
/** What an operating system and Node need; nothing of the developer's own cloud or cluster. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'NODE_EXTRA_CA_CERTS', 'NODE_V8_COVERAGE'];

export interface ServiceOptions {
  kubeconfig: string;
  /** Further flags of `serve`, by name without dashes. */
  flags?: Readonly<Record<string, string>>;
  environment?: Readonly<Record<string, string>>;
  /** Default: the source, as it stands. */
  main?: string;
  /** Flags of Node's own. */
  nodeFlags?: readonly string[];
}

/** One line of the service's log. */
export interface LogLine {
  level: string;
  time: string;
  msg: string;
  error?: { name: string; code?: string; message: string };
  [field: string]: unknown;
}

/** How a process ended: by itself with a code, or by a signal. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** The service as its users run it, a process of its own; it can be ended and started again on the same ports. */
export class ServiceProcess implements AsyncDisposable {
  readonly #options: ServiceOptions;
  /** As of a Pod, whose container may be another one by and by. */
  readonly name = uniqueName('replica');
  #ports: Promise<number> | undefined;
  #child: ChildProcess | undefined;
  #exited: Promise<Exit> | undefined;
  #output = '';

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  /** Everything that it ever wrote to standard output and standard error. */
  get output(): string {
    return this.#output;
  }

  /** The end of its output for who looks for what went wrong, without the admissions, of which there may be hundreds a second. */
  get lastWords(): string {
    const lines = this.#output.split('\n').filter((line) => !line.includes('"msg":"admission answered"'));
    return `the service's last words:\n${lines.join('\n').slice(-6_000)}`;
  }

  /** Its log, oldest line first, of all its runs. */
  get logs(): LogLine[] {
    const lines = this.#output.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
    return lines.map((line) => JSON.parse(line) as LogLine);
  }

  /** What it wrote that is no line of the log: nothing, if all is well. */
  get stray(): string[] {
    return this.#output.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  }

  /** Starts the process and returns once its status can be asked for. */
  async start(): Promise<void> {
    if (this.isRunning) throw new Error('the service runs already');
    const { kubeconfig, flags = {}, environment = {}, main = MAIN, nodeFlags = [] } = this.#options;
    const { webhook, status } = await this.addresses();
    const all = {
      kubeconfig,
      listen: webhook,
      'webhook-url': `https://${webhook}/mutate`,
      'metrics-listen': status,
      'log-level': 'debug',
      drain: '0s',
      ...flags,
    };
    const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
    const inherited = PASSED_ON.map((name) => [name, process.env[name]]).filter(([, value]) => value !== undefined);
    const child = spawn(process.execPath, [...nodeFlags, main, 'serve', ...args], {
      env: {
        ...(Object.fromEntries(inherited) as Record<string, string>),
        NODE_COMPILE_CACHE,
        POD_NAME: this.name,
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => (this.#output += chunk));
    }
    this.#child = child;
    const closed = once(child, 'close') as Promise<[Exit['code'], Exit['signal']]>;
    this.#exited = closed.then(([code, signal]) => ({ code, signal }));
    await this.#unlessGone(eventually(async () => (await this.probe('/livez')) === 200, START));
  }

  /** Returns once `/readyz` says so. */
  async ready(): Promise<void> {
    await this.#unlessGone(eventually(async () => (await this.probe('/readyz')) === 200, START));
  }

  get isRunning(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  /** Of its present run, or of the last one. */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('the service was never started');
    return pid;
  }

  /** Sends a signal, which may be answered by going. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Reads its outputs no more: from now on, writing there fails. */
  deafen(): void {
    this.#child?.stdout?.destroy();
    this.#child?.stderr?.destroy();
  }

  /** Resolves when the process is gone. */
  async exited(): Promise<Exit> {
    if (!this.#exited) throw new Error('the service was never started');
    return this.#exited;
  }

  /** Ends it without giving it time for anything. */
  async kill(): Promise<void> {
    if (!this.isRunning) return;
    this.signal('SIGKILL');
    await this.exited();
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** The HTTP status of a GET; undefined when nobody answers. */
  async probe(path: string): Promise<number | undefined> {
    try {
      const response = await this.#get(path);
      await response.text();
      return response.status;
    } catch {
      return undefined;
    }
  }

  /** `/status`. */
  async status(): Promise<Status> {
    return (await (await this.#get('/status')).json()) as Status;
  }

  /** `/metrics`, as text. */
  async metrics(): Promise<string> {
    return (await this.#get('/metrics')).text();
  }

  /** The sum of a metric's samples, of those with these labels if any are given; the prefix may be left out. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const samples = (await this.metrics())
      .split('\n')
      .map((line) => /^acr_injector_(\w+)(?:\{(.*)\})? (\S+)$/.exec(line))
      .filter((match) => match?.[1] === name && wanted.every((label) => match[2]?.split(',').includes(label)));
    return samples.reduce((sum, match) => sum + Number(match?.[3]), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  /** Where it listens, or will, as `host:port`. */
  async addresses(): Promise<{ webhook: string; status: string }> {
    this.#ports ??= freePorts(2);
    const first = await this.#ports;
    return { webhook: `127.0.0.1:${first}`, status: `127.0.0.1:${first + 1}` };
  }

  async #get(path: string): Promise<Response> {
    const { status } = await this.addresses();
    return fetch(`http://${status}${path}`, { headers: { connection: 'close' } });
  }

  async #unlessGone(waiting: Promise<unknown>): Promise<void> {
    const gone = this.exited().then(({ code, signal }) => {
      throw new Error(`the service ended (${code ?? signal ?? ''}):\n${this.#output.slice(-2_000)}`);
    });
    await Promise.race([waiting, gone]);
  }
}

/** What tests read of `/status`. */
export interface Status {
  paused: boolean;
  configuration: {
    serviceAccounts: 'all' | string[];
    watchNamespaces: 'all' | string[];
    webhook: { enabled: boolean; failurePolicy: string; timeoutSeconds: number };
  } | null;
  configMap: { kind: string; warnings: string[] };
  missingNamespaces: string[];
  webhookTrusted: boolean;
  selfTest: { passed: boolean | null; testedAt: string | null; lastFailure: { at: string; reason: string } | null };
  leader: { isSelf: boolean; holder: string | null; suspendedUntil?: string };
  registries: { key: string; expiresAt: string | null; domains: string[] }[];
}
