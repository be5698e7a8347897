declare const BUNDLED: { version: string; commit: string } | undefined;

/** Version, commit and Node's version; the first two are written into the bundle when it is built. */
export function versionText(): string {
  const { version, commit } = typeof BUNDLED === 'undefined' ? { version: 'development', commit: 'unknown' } : BUNDLED;
  return `acr-credential-injector ${version} (commit ${commit}), Node ${process.version}`;
}
