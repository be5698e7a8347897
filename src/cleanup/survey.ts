import { CA_SECRET_NAME } from '../certificates/ca-secret.ts';
import { TOKENS_SECRET_NAME } from '../credentials/tokens-secret.ts';
import { KubeApiError } from '../errors.ts';
import type { KubeClient, ListOptions } from '../kube/kube-client.ts';
import type { KubeObject } from '../kube/objects.ts';
import { resources, type ObjectRef, type Resource } from '../kube/resources.ts';
import { WEBHOOK_CONFIGURATION_NAME } from '../webhook/webhook-configuration.ts';
import { ifThere } from '../kube/if-there.ts';
import { isTerminating, seenSecret, seenServiceAccount, type SeenSecret, type Sightings } from './leftovers.ts';
import { persist, type Persistence } from './persist.ts';

/** Of what may be looked into another time, so that one namespace keeps from looking into no other. */
const TRIES = 3;

/** Parsing a page of this size takes some milliseconds, whatever is in it. */
const PAGE_SIZE = 500;

export interface SurveyOptions {
  client: Pick<KubeClient, 'get' | 'list'>;
  /** The own namespace. */
  namespace: string;
  /** The only ones to look in beside the own one; undefined: the whole cluster, with what is in no namespace. */
  namespaces: readonly string[] | undefined;
  /** Of all pull Secrets that a namespace can have. */
  secretNames: readonly string[];
}

type Findings = Pick<Sightings, 'secrets' | 'serviceAccounts'>;

/** Looks for what the service made. Throws a KubeApiError as {@link persist} does. */
export async function survey(options: SurveyOptions, persistence: Persistence): Promise<Sightings> {
  const { namespace, namespaces } = options;
  const own: SeenSecret[] = [];
  const sightings = await (namespaces
    ? surveyNamespaces(namespaces, options, persistence)
    : surveyCluster(options, persistence));
  for (const name of [TOKENS_SECRET_NAME, CA_SECRET_NAME]) {
    const secret = await find(resources.secrets, { namespace, name }, options, persistence);
    if (secret) own.push(seenSecret(secret));
  }
  return { ...sightings, secrets: [...sightings.secrets, ...own] };
}

async function surveyCluster(options: SurveyOptions, persistence: Persistence): Promise<Sightings> {
  const { client } = options;
  const name = WEBHOOK_CONFIGURATION_NAME;
  const registration = await find(resources.mutatingWebhookConfigurations, { name }, options, persistence);
  const nameIfTerminating = (each: KubeObject) => (isTerminating(each) ? (each.metadata.name ?? '') : undefined);
  const terminating = await listAll({ client, resource: resources.namespaces, reduce: nameIfTerminating }, persistence);
  return {
    terminating: new Set(terminating),
    unreadable: [],
    mayBeReadable: false,
    registration: registration && { ref: { name }, uid: registration.metadata.uid ?? '' },
    ...(await surveyScope({}, options, persistence)),
  };
}

/** One that cannot be read keeps from looking into no other. */
async function surveyNamespaces(
  namespaces: readonly string[],
  options: SurveyOptions,
  persistence: Persistence,
): Promise<Sightings> {
  const tryingSome = { ...persistence, tries: TRIES };
  const terminating = new Set<string>();
  const unreadable = new Map<string, KubeApiError>();
  const findings: Findings[] = [];
  for (const namespace of namespaces) {
    try {
      const found = await find(resources.namespaces, { name: namespace }, options, tryingSome);
      if (!found) continue;
      if (isTerminating(found)) terminating.add(namespace);
      findings.push(await surveyScope({ namespace }, options, tryingSome));
    } catch (error) {
      if (!(error instanceof KubeApiError) || persistence.signal.aborted) throw error;
      unreadable.set(namespace, error);
    }
  }
  return {
    terminating,
    unreadable: [...unreadable.keys()],
    mayBeReadable: [...unreadable.values()].some(({ retryable }) => retryable),
    registration: undefined,
    secrets: findings.flatMap(({ secrets }) => secrets),
    serviceAccounts: findings.flatMap(({ serviceAccounts }) => serviceAccounts),
  };
}

/** @param scope one namespace, or nothing for all of them. */
async function surveyScope(
  scope: Pick<ListOptions, 'namespace'>,
  { client, secretNames }: SurveyOptions,
  persistence: Persistence,
): Promise<Findings> {
  // Secrets first: whose they are decides whose the references are.
  const secrets: SeenSecret[] = [];
  for (const secretName of secretNames) {
    const by = { ...scope, fieldSelector: `metadata.name=${secretName}` };
    secrets.push(...(await listAll({ client, resource: resources.secrets, reduce: seenSecret, by }, persistence)));
  }
  const reduce = (each: KubeObject) => seenServiceAccount(each, secretNames);
  const accounts = { client, resource: resources.serviceAccounts, reduce, by: scope };
  return { secrets, serviceAccounts: await listAll(accounts, persistence) };
}

function find(
  resource: Resource,
  ref: ObjectRef,
  { client }: SurveyOptions,
  persistence: Persistence,
): Promise<KubeObject | undefined> {
  return persist(() => ifThere(client.get(resource, ref, { signal: persistence.signal })), persistence);
}

function listAll<R>(listing: Listing<R>, persistence: Persistence): Promise<R[]> {
  return persist(() => listPages(listing, persistence), persistence);
}

interface Listing<R> {
  client: Pick<KubeClient, 'list'>;
  resource: Resource;
  /** What is kept of an object, if anything. */
  reduce: (object: KubeObject) => R | undefined;
  by?: ListOptions;
}

/** All pages of a list, begun anew when the server has forgotten how to go on. */
async function listPages<R>({ client, resource, reduce, by }: Listing<R>, { signal }: Persistence): Promise<R[]> {
  const found: R[] = [];
  for (let next: string | undefined; ;) {
    try {
      const page = await client.list(resource, { ...by, limit: PAGE_SIZE, continue: next, signal });
      found.push(...page.items.map(reduce).filter((each) => each !== undefined));
      next = page.metadata.continue;
      if (!next) return found;
    } catch (error) {
      const isExpired = next !== undefined && error instanceof KubeApiError && error.status === 410;
      if (!isExpired) throw error;
      next = undefined;
      found.length = 0;
    }
  }
}
