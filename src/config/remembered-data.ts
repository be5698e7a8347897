type ConfigData = Readonly<Record<string, string>>;

/** Every key that is read; what stands under others may be anything, and of any size. */
const readKeys = [
  'acr-registry-info',
  'acr-registry',
  'watch-namespace',
  'exclude-namespace',
  'service-account',
  'expiring-threshold',
  'acr-api-version',
  'notify-email',
  'extra-auths',
  'rrsa',
  'webhook-configuration',
];

/** A Secret takes a MiB, and the tokens come first. */
const maxBytes = 512 * 1_024;

/** What of the ConfigMap's data is worth remembering; undefined when that is too much for a Secret that holds more. */
export function rememberedData(data: ConfigData): ConfigData | undefined {
  const read = Object.fromEntries(
    readKeys.flatMap((key) => (Object.hasOwn(data, key) ? [[key, data[key] ?? ''] as const] : [])),
  );
  return Buffer.byteLength(JSON.stringify(read)) <= maxBytes ? read : undefined;
}
