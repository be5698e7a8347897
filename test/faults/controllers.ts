import type { KubeObject, MutatingWebhookConfiguration, Secret, ServiceAccount } from '../../src/kube/objects.ts';
import { resources, type ObjectRef, type Resource } from '../../src/kube/resources.ts';
import { PULL_SECRET } from '../contract/pull-secret-check.ts';
import type { ServiceInProcess } from './service-in-process.ts';

/** What the service keeps: how a test gives it something to do, and tells whether that is done. */
export interface Controller {
  readonly name: string;
  disturb: (service: ServiceInProcess) => Promise<unknown>;
  isRight: (service: ServiceInProcess) => Promise<boolean>;
}

export const NEW_NAMESPACE = 'new';
const REGISTRATION = { name: 'zz-acr-credential-injector' };
const TOKENS = { namespace: 'kube-system', name: 'acr-credential-injector-tokens' };
const CA = { namespace: 'kube-system', name: 'acr-credential-injector-ca' };
/** Where no webhook reaches, so that reconciliation has to attach. */
const UNREACHED = { namespace: 'kube-system', name: 'late' };

interface StoredTokens {
  credentials: Record<string, { username: string; password: string; expiresAt: number; domains: string[] }>;
}

export const controllers: readonly Controller[] = [
  {
    name: 'tokens',
    disturb: (service) => service.configure(['cri-demo', service.addInstance('extra')]),
    isRight: async (service) => {
      const secret = await get<Secret>(service, resources.secrets, TOKENS);
      const credential =
        secret &&
        Object.values(tokensOf(secret).credentials).find(({ domains: [domain] }) => domain?.startsWith('extra-'));
      return credential !== undefined && service.cloud.isLive(credential.username, credential.password);
    },
  },
  {
    name: 'pull Secrets',
    disturb: ({ user }) => user.create(resources.namespaces, { metadata: { name: NEW_NAMESPACE } }),
    isRight: async (service) => {
      const secret = await get<Secret>(service, resources.secrets, { namespace: NEW_NAMESPACE, name: PULL_SECRET });
      return secret !== undefined && service.isLive(secret);
    },
  },
  {
    name: 'ServiceAccounts',
    disturb: ({ user }) => user.create(resources.serviceAccounts, { metadata: UNREACHED }),
    isRight: async (service) => {
      const account = await get<ServiceAccount>(service, resources.serviceAccounts, UNREACHED);
      return account?.imagePullSecrets?.some(({ name }) => name === PULL_SECRET) ?? false;
    },
  },
  {
    name: 'registration',
    disturb: ({ user }) => user.delete(resources.mutatingWebhookConfigurations, REGISTRATION),
    isRight: async (service) => {
      const { mutatingWebhookConfigurations } = resources;
      const found = await get<MutatingWebhookConfiguration>(service, mutatingWebhookConfigurations, REGISTRATION);
      return (found?.webhooks ?? []).length > 0;
    },
  },
  {
    name: 'certificates',
    disturb: ({ user }) => user.delete(resources.secrets, CA),
    isRight: async (service) => Object.keys((await get<Secret>(service, resources.secrets, CA))?.data ?? {}).length > 0,
  },
];

export function tokensOf({ data = {} }: Secret): StoredTokens {
  return JSON.parse(Buffer.from(data['state.json'] ?? '', 'base64').toString()) as StoredTokens;
}

/** Undefined where it is not, and while nobody can be asked. */
async function get<T extends KubeObject>(
  { client }: ServiceInProcess,
  resource: Resource,
  ref: ObjectRef,
): Promise<T | undefined> {
  return client.get<T>(resource, ref, { timeoutMs: 2_000 }).catch(() => undefined);
}
