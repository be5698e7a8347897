import type { Config } from './config.ts';

/** A configuration as anybody may see it: of an AccessKey the ID alone. */
export function publicConfig(config: Config): object {
  const registries = config.registries.map(({ accessKey, ...entry }) => ({
    ...entry,
    ...(accessKey && { accessKeyId: accessKey.id }),
  }));
  return { ...config, registries };
}
