import { CloudApiError } from '../errors.ts';
import type { CloudCredentials } from '../openapi/cloud-credentials.ts';
import type { AcrClient, AcrInstance } from './acr-client.ts';

/** An instance by the name that its domains begin with. */
export interface NamedInstance {
  name: string;
  regionId: string;
}

/**
 * The ID of an instance that the configuration knows by its name alone.
 * @throws CloudApiError that says what to write where the ID cannot be found out.
 */
export async function instanceIdOf(
  instance: NamedInstance,
  acr: Pick<AcrClient, 'listInstances'>,
  credentials: CloudCredentials,
  signal: AbortSignal,
): Promise<string> {
  const { name, regionId } = instance;
  const instances = await acr.listInstances({ regionId }, credentials, signal).catch((error: unknown) => {
    throw withFix(error, instance);
  });
  const found = instances.find((each: AcrInstance) => each.name === name);
  if (found) return found.instanceId;
  const message = `there is no instance of the name ${name} in region ${regionId} for this account: ${fix}`;
  throw new CloudApiError(message, { code: 'INSTANCE_NOT_EXIST', retryable: false });
}

const fix = 'write its ID in acr-registry-info, in the place of acr-registry';

/** What passes by itself asks for nothing to be written. */
function withFix(error: unknown, { name }: NamedInstance): unknown {
  if (!(error instanceof CloudApiError) || error.retryable) return error;
  const message = `the ID of instance ${name} could not be looked up: ${fix}; or grant cr:ListInstance (${error.code})`;
  return new CloudApiError(message, { code: error.code, retryable: false, cause: error });
}
