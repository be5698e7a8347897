import { execFileSync } from 'node:child_process';
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';

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

// Runs before everything that is bundled, on whatever Node there is. CommonJS dependencies call require() for Node's own modules.
const banner = `import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write('acr-credential-injector needs Node 24 or newer, this is ' + process.version + '\\n');
  process.exit(1);
}`;

/**
 * Of client-node only the KubeConfig is used. The package does not say that its modules do nothing when they are loaded, so that all of its
 * generated API would come along: 10 MB of memory.
 */
const clientNode = '@kubernetes/client-node';
const shakeClientNode: Plugin = {
  name: 'shake-client-node',
  setup(bundle) {
    bundle.onResolve({ filter: /./ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
      const isOfClientNode = path === clientNode || importer.includes(`/node_modules/${clientNode}/`);
      if (!isOfClientNode || pluginData === clientNode) return undefined;
      const resolved = await bundle.resolve(path, { kind, importer, resolveDir, pluginData: clientNode });
      return { ...resolved, sideEffects: false };
    });
  },
};

/**
 * Of openapi-core only the signer is used. Being CommonJS it cannot be shaken, and brings what its own transport, its dates and its
 * XML need: 7 MB of memory. The signer calls none of that: the image signs every request in the end-to-end tests on a node.
 */
const leftOut = [
  ...['@alicloud/credentials', 'httpx', 'lodash', 'moment', 'ws', 'xml2js'],
  ...['http-proxy-agent', 'https-proxy-agent', 'socks-proxy-agent'],
];
const trimOpenApiCore: Plugin = {
  name: 'trim-openapi-core',
  setup(bundle) {
    bundle.onResolve({ filter: /./ }, ({ path, importer }) => {
      const isOfIt = /\/node_modules\/(@alicloud|@darabonba)\//.test(importer);
      return isOfIt && leftOut.includes(path) ? { path, namespace: 'left-out' } : undefined;
    });
    bundle.onLoad({ filter: /./, namespace: 'left-out' }, () => ({ contents: '' }));
  },
};

/** Of undici its dispatchers are used: not its fetch, WebSocket and caches, nor what replaces it in tests. 4 MB of memory. */
const trimUndici: Plugin = {
  name: 'trim-undici',
  setup(bundle) {
    bundle.onResolve({ filter: /^\.\/lib\/(cache|interceptor|mock|web)\// }, ({ path, importer }) =>
      importer.endsWith('/node_modules/undici/index.js') ? { path, namespace: 'left-out-class' } : undefined,
    );
    const contents = 'module.exports = new Proxy(class {}, { get: () => class {} });';
    bundle.onLoad({ filter: /./, namespace: 'left-out-class' }, () => ({ contents }));
  },
};

const { metafile } = await build({
  entryPoints: ['src/main.ts'],
  outfile: 'dist/main.js',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  minifySyntax: true,
  legalComments: 'none',
  metafile: true,
  plugins: [shakeClientNode, trimOpenApiCore, trimUndici],
  banner: { js: banner },
  define: { BUNDLED: JSON.stringify({ version, commit: commit() }) },
});
await writeFile('dist/THIRD-PARTY-LICENSES', await thirdPartyLicenses(Object.keys(metafile.inputs)));
await chmod('dist/main.js', 0o755);

/** The names, versions and licence texts of the packages that the inputs of a bundle come from. */
async function thirdPartyLicenses(inputs: readonly string[]): Promise<string> {
  const folders = inputs.map((input) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]);
  const packages = [...new Set(folders)].filter((folder) => folder !== undefined).sort();
  const entries = await Promise.all(packages.map(licenseEntry));
  return [...new Set(entries)].join(`\n${'-'.repeat(80)}\n\n`);
}

async function licenseEntry(folder: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  const files = (await readdir(folder)).filter((name) => /^(licen[cs]e|notice|copying)/i.test(name)).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  return `${[`${String(manifest.name)} ${String(manifest.version)}: ${String(manifest.license)}`, ...texts].join('\n\n').trim()}\n`;
}
