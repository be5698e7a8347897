import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const CHART = 'charts/acr-credential-injector';

export interface PreviousChart {
  version: string;
  commit: string;
  /** The folder that it was unpacked to. */
  path: string;
}

/** A shallow clone has no history to take a chart from. */
export function isShallowClone(): boolean {
  return git('rev-parse', '--is-shallow-repository').trim() === 'true';
}

/**
 * Unpacks the chart as it was when it last had another version than now, as its users have it installed.
 * @throws where the history has none: an upgrade that is not tested is no success.
 */
export function unpackPreviousChart(directory: string): PreviousChart {
  const present = versionOf(execFileSync('cat', [`${CHART}/Chart.yaml`], { encoding: 'utf8' }));
  const commits = git('log', '--first-parent', '--format=%H', '--', CHART).trim().split('\n');
  const commit = commits.find((each) => versionOf(chartAt(each)) !== present);
  if (!commit) throw new Error(`the history knows no version of the chart but ${present}`);
  const archive = execFileSync('git', ['archive', commit, CHART], { maxBuffer: 2 ** 26 });
  mkdirSync(directory, { recursive: true });
  execFileSync('tar', ['--extract', '--directory', directory], { input: archive });
  return { version: versionOf(chartAt(commit)) ?? '', commit: commit.slice(0, 7), path: join(directory, CHART) };
}

/** Empty where there is no chart. */
function chartAt(commit: string): string {
  try {
    return git('show', `${commit}:${CHART}/Chart.yaml`);
  } catch {
    return '';
  }
}

function versionOf(manifest: string): string | undefined {
  return /^version: (.+)$/m.exec(manifest)?.[1];
}

function git(...args: string[]): string {
  return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}
