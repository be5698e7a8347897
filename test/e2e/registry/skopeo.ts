import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ImageContent, writeImageLayout } from './image-layout.ts';

/** How a pull ended. */
export type Pull = { digest: string } | { refusal: string };

export interface SkopeoOptions {
  /** The path of Debian's `skopeo`. */
  command: string;
  /** For what it reads and writes; a CA in `ca.crt` is trusted. */
  directory: string;
  /** The URL of the proxy that leads to the registries. */
  proxy: string;
}

const run = promisify(execFile);

/**
 * Pushes and pulls images as container runtimes do: a login is looked up by the host in the image's name. (A `location` in a
 * registries.conf would not do: then skopeo looks for a login for that.)
 */
export class Skopeo {
  readonly #options: SkopeoOptions;
  #files = 0;

  constructor(options: SkopeoOptions) {
    this.#options = options;
  }

  /**
   * Pushes an image of its own.
   * @param logins the content of a config.json
   * @param content nothing, when left out
   * @returns the digest of its manifest.
   */
  async push(image: string, logins: string, content?: ImageContent): Promise<string> {
    const layout = this.#nextPath();
    const digest = await writeImageLayout(layout, image, content);
    const failure = await this.#copy(`oci:${layout}`, `docker://${image}`, logins);
    if (failure !== undefined) throw new Error(`cannot push ${image}: ${failure}`);
    return digest;
  }

  /** Pulls an image, all of it. @param logins the content of a config.json, or of a pull Secret */
  async pull(image: string, logins: string): Promise<Pull> {
    const layout = this.#nextPath();
    const refusal = await this.#copy(`docker://${image}`, `oci:${layout}`, logins);
    if (refusal !== undefined) return { refusal };
    const index = await readFile(join(layout, 'index.json'), 'utf8');
    const { manifests } = JSON.parse(index) as { manifests: [{ digest: string }] };
    return { digest: manifests[0].digest };
  }

  /** @returns what skopeo says when it fails. */
  async #copy(from: string, to: string, logins: string): Promise<string | undefined> {
    const { command, directory, proxy } = this.#options;
    const authFile = this.#nextPath();
    await writeFile(authFile, logins, { mode: 0o600 });
    const files = ['--authfile', authFile, '--src-cert-dir', directory, '--dest-cert-dir', directory];
    // Not as root, whose notes on blobs would be in /var: of the machine's own containers nothing is seen or changed.
    const env = { PATH: process.env.PATH, HOME: directory, _CONTAINERS_ROOTLESS_UID: '1', HTTPS_PROXY: proxy };
    try {
      await run(command, ['--insecure-policy', 'copy', ...files, from, to], { env, timeout: 60_000 });
      return undefined;
    } catch (error) {
      const { code, stderr } = error as { code?: unknown; stderr: string };
      if (typeof code !== 'number') throw error; // it did not run, or not to its end
      return stderr;
    }
  }

  #nextPath(): string {
    return join(this.#options.directory, `skopeo-${this.#files++}`);
  }
}
