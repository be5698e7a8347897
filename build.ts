import { execFileSync } from 'node:child_process';
import { chmod, readFile } from 'node:fs/promises';
import { build } from 'esbuild';

/** Bundles the service into one file that needs nothing but Node 24. */
const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim();
  } catch {
    return process.env.COMMIT ?? 'unknown';
  }
}

await build({
  entryPoints: ['src/main.ts'],
  outfile: 'dist/main.js',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  minifySyntax: true,
  legalComments: 'none',
  // CommonJS dependencies call require() for Node's own modules.
  banner: { js: `import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);` },
  define: { BUNDLED: JSON.stringify({ version, commit: commit() }) },
});
await chmod('dist/main.js', 0o755);
