import type { ConfigMap, Secret } from '../src/kube/objects.ts';
import { resources } from '../src/kube/resources.ts';
import type { ClusterUser } from '../test/contract/cluster-user.ts';
import type { CloudEmulator } from '../test/sandbox/cloud/cloud-emulator.ts';

/** Of one account. A token that was asked for with one of them is asked for anew when there is the other. */
const ACCESS_KEYS = [
  { accessKeyId: 'LTAI5tBench', accessKeySecret: 'bench-access-key-secret-0' },
  { accessKeyId: 'LTAI5tBenchToo', accessKeySecret: 'bench-access-key-secret-1' },
] as const;
/** The instance whose image the captured Pod pulls. */
const INSTANCE = { instanceId: 'cri-bench', regionId: 'cn-hangzhou', name: 'x' };
const NAMESPACE = 'kube-system';

export type Configuration = Readonly<Record<string, string>>;

/** Everything is served, with the webhook on. @param changes keys that are otherwise. */
export function configurationOf({ configuration = {} }: { configuration?: Configuration }): Configuration {
  return {
    'acr-registry-info': `- instanceId: ${INSTANCE.instanceId}\n  regionId: ${INSTANCE.regionId}\n`,
    'watch-namespace': 'all',
    'service-account': '*',
    'webhook-configuration': 'enable: true\nfailure-policy: Ignore\ntimeout-seconds: 10\n',
    ...configuration,
  };
}

/** An account and an instance in the cloud; its AccessKey and the configuration in the cluster. */
export async function writeConfiguration(
  user: ClusterUser,
  cloud: CloudEmulator,
  data: Configuration,
  registries = 1,
): Promise<void> {
  for (const pair of ACCESS_KEYS) cloud.addAccount(pair);
  for (let index = 0; index < registries; index += 1) cloud.addInstance(instance(index));
  await giveAccessKey(user, ACCESS_KEYS[0]);
  await configure(user, data);
}

let renewals = 0;

/** Gives the service the other pair, with which it asks for new tokens at once. */
export async function renewTokens(user: ClusterUser): Promise<void> {
  await giveAccessKey(user, ACCESS_KEYS[++renewals % 2 === 0 ? 0 : 1]);
}

async function giveAccessKey(user: ClusterUser, pair: (typeof ACCESS_KEYS)[number]): Promise<void> {
  await user.apply<Secret>(resources.secrets, {
    metadata: { namespace: NAMESPACE, name: 'alibaba-addon-secret' },
    data: { 'access-key-id': btoa(pair.accessKeyId), 'access-key-secret': btoa(pair.accessKeySecret) },
  });
}

/** `acr-registry-info` of so many instances. @param targetsOf which namespaces each one is meant for; undefined: all. */
export function registryInfo(count: number, targetsOf: (index: number) => readonly string[] | undefined): string {
  const entries = Array.from({ length: count }, (_, index) => {
    const { instanceId, regionId } = instance(index);
    const targets = targetsOf(index);
    const restriction = targets ? `\n  namespaces: ${targets.join()}` : '';
    return `- instanceId: ${instanceId}\n  regionId: ${regionId}${restriction}\n`;
  });
  return entries.join('');
}

function instance(index: number) {
  return index === 0 ? INSTANCE : { ...INSTANCE, instanceId: `cri-bench-${index}`, name: `x${index}` };
}

export function configure(user: ClusterUser, data: Configuration): Promise<ConfigMap> {
  return user.apply<ConfigMap>(resources.configMaps, {
    metadata: { namespace: NAMESPACE, name: 'acr-configuration' },
    data: { ...data },
  });
}
