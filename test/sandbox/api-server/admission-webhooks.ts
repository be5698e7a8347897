import type { MutatingWebhook, MutatingWebhookConfiguration } from '../../../src/kube/objects.ts';
import type { Clock } from '../../../src/clock.ts';
import { messageOf } from '../../../src/errors.ts';
import type { ApiObject, JsonMap } from './api-object.ts';
import type { AdmissionAttributes } from './admission-attributes.ts';
import { readReview, reviewOf, wireObject } from './admission-review.ts';
import type { AdmissionResponse } from './admission-review.ts';
import { applyJsonPatch } from './patch.ts';
import { badRequest, internalError, StatusError } from './status-error.ts';
import type { WebhookClient } from './webhook-client.ts';

/** One call of a webhook, and what became of it. */
export interface AdmissionRecord {
  at: number;
  durationMs: number;
  configuration: string;
  webhook: string;
  /** The AdmissionRequest as sent. */
  request: JsonMap;
  response?: AdmissionResponse;
  /** Why there is no usable response. */
  error?: string;
}

export interface ConfiguredWebhook {
  configuration: string;
  webhook: MutatingWebhook;
  /** Tells it apart from every other, also of the same name. */
  id: string;
}

/** The webhooks of all configurations in the order in which they are called. */
export function webhooksInOrder(configurations: MutatingWebhookConfiguration[]): ConfiguredWebhook[] {
  return configurations.flatMap(({ metadata, webhooks = [] }) =>
    webhooks.map((webhook, index) => {
      const configuration = metadata.name ?? '';
      return { configuration, webhook, id: `${configuration}/${webhook.name}/${index}` };
    }),
  );
}

/** The parts of an object that a webhook's patch is turned back into. */
export type Decode = (attributes: AdmissionAttributes, patched: JsonMap) => ApiObject;

/** Calls one webhook and lets it change the object. */
export class AdmissionWebhooks {
  /** Every call so far, oldest first. */
  readonly records: AdmissionRecord[] = [];
  readonly #client: WebhookClient;
  readonly #clock: Clock;
  readonly #decode: Decode;

  constructor(client: WebhookClient, clock: Clock, decode: Decode) {
    this.#client = client;
    this.#clock = clock;
    this.#decode = decode;
  }

  /** Did the webhook change the object? Throws the refusal, or a 500 where the failure policy does not ignore a failure. */
  async call(configured: ConfiguredWebhook, attributes: AdmissionAttributes): Promise<boolean> {
    const { webhook } = configured;
    if (attributes.dryRun && !['None', 'NoneOnDryRun'].includes(webhook.sideEffects)) {
      throw badRequest(`admission webhook ${JSON.stringify(webhook.name)} does not support dry run`);
    }
    const response = await this.#ask(configured, attributes);
    if (!response) return false;
    for (const warning of response.warnings ?? []) attributes.warn(warning);
    if (!response.allowed) throw denial(webhook.name, response);
    return response.patch === undefined ? false : this.#patch(attributes, response.patch);
  }

  /** The answer; undefined when there is none and the policy is Ignore. */
  async #ask(configured: ConfiguredWebhook, attributes: AdmissionAttributes): Promise<AdmissionResponse | undefined> {
    const { configuration, webhook } = configured;
    const { uid, review, request } = reviewOf(attributes);
    const at = this.#clock.now();
    const record: AdmissionRecord = { at, durationMs: 0, configuration, webhook: webhook.name, request };
    this.records.push(record);
    try {
      const { clientConfig, timeoutSeconds = 10 } = webhook;
      const body = await this.#client.call({ clientConfig, timeoutSeconds, review });
      return (record.response = readReview(body, uid));
    } catch (error) {
      record.error = messageOf(error);
      if (webhook.failurePolicy === 'Ignore') return undefined;
      throw internalError(`failed calling webhook ${JSON.stringify(webhook.name)}: ${record.error}`);
    } finally {
      record.durationMs = this.#clock.now() - at;
    }
  }

  /** A patch that does not apply fails the request whatever the policy is. */
  #patch(attributes: AdmissionAttributes, patch: string): boolean {
    if (!attributes.object) throw internalError('a DELETE cannot be patched');
    const before = wireObject(attributes.object);
    let patched: JsonMap;
    try {
      patched = applyJsonPatch(before, JSON.parse(patch));
    } catch (error) {
      throw internalError(messageOf(error));
    }
    const object = this.#decode(attributes, patched);
    const changed = JSON.stringify(wireObject(object)) !== JSON.stringify(before);
    attributes.object = object;
    return changed;
  }
}

function denial(webhook: string, { status = {} }: AdmissionResponse): StatusError {
  const deniedBy = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  const why = status.message ?? status.reason;
  return new StatusError({
    ...status,
    code: Math.max(status.code ?? 0, 400),
    message: why ? `${deniedBy}: ${why}` : `${deniedBy} without explanation`,
  });
}
