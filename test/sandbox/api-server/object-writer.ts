import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../../src/clock.ts';
import type { AdmissionAttributes } from './admission-attributes.ts';
import type { AdmissionChain } from './admission-chain.ts';
import { copyOf, without } from './api-object.ts';
import type { ApiObject, JsonMap, UserInfo } from './api-object.ts';
import type { ApiResource } from './api-resources.ts';
import { decode, withoutAbsent } from './decode.ts';
import { isHeld, markDeleted } from './deletion.ts';
import { recordUpdate } from './managed-fields.ts';
import type { Author } from './managed-fields.ts';
import { newObject } from './new-object.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';
import { keepIdentity, refuseStale, refuseUnmet } from './preconditions.ts';
import type { Preconditions } from './preconditions.ts';
import { alreadyExists, badRequest, conflict, notFound } from './status-error.ts';
import { applySubresource } from './subresources.ts';
import { validateChange, validateNew } from './validation.ts';

/** Who writes, and how. */
export interface WriteRequest {
  user: UserInfo;
  /** As in the query: part of what webhooks are told. */
  fieldManager?: string;
  /** The field manager, or the program's name where none was given. */
  manager: string;
  dryRun: boolean;
  warn: (text: string) => void;
}

/** Which object. */
export interface Target {
  resource: ApiResource;
  /** Empty for cluster-scoped resources. */
  namespace: string;
  /** Empty where a POST is to say or generate it. */
  name: string;
  subresource?: string;
}

export interface WriteResult {
  object: ApiObject;
  created: boolean;
}

/** How a new state comes from the present one, which is undefined where the object is to be created. */
export interface Change {
  /** May return the state with `managedFields` already recorded: then `records` is true. */
  next: (live: ApiObject | undefined) => ApiObject;
  records?: boolean;
  mayCreate?: boolean;
}

export interface WriterOptions {
  store: ObjectStore;
  admission: AdmissionChain;
  clock: Clock;
  /** The minor version of Kubernetes. */
  minor: number;
}

const maxAttempts = 5;

/** Every write to the store that is subject to admission: the way of a request from its body to its commit. */
export class ObjectWriter {
  readonly #store: ObjectStore;
  readonly #admission: AdmissionChain;
  readonly #clock: Clock;
  readonly #minor: number;

  constructor({ store, admission, clock, minor }: WriterOptions) {
    this.#store = store;
    this.#admission = admission;
    this.#clock = clock;
    this.#minor = minor;
  }

  /** The time as objects carry it. */
  timestamp(): string {
    return new Date(this.#clock.now()).toISOString().replace(/\.\d+/, '');
  }

  author({ manager }: WriteRequest): Author {
    return { manager, time: this.timestamp() };
  }

  async create(target: Target, body: unknown, request: WriteRequest): Promise<WriteResult> {
    const object = this.#decodeFor(target, body);
    if (object.metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created');
    recordUpdate(undefined, object, this.author(request));
    const name = target.name || (object.metadata.name ?? '');
    return this.#createDecoded({ ...target, name }, object, request);
  }

  /** PUT, PATCH and apply. */
  async change(target: Target, change: Change, request: WriteRequest): Promise<WriteResult> {
    for (let attempt = 1; ; attempt++) {
      const live = this.#store.get(target.resource, target.namespace, target.name);
      if (!live) {
        if (change.mayCreate)
          return this.#createDecoded(target, this.#decodeFor(target, change.next(undefined)), request);
        throw notFound(target.resource, target.name);
      }
      const result = await this.#changeLive(live, target, change, request);
      if (result) return result;
      if (attempt === maxAttempts) throw conflict(target.resource, target.name);
    }
  }

  async delete(target: Target, request: WriteRequest, preconditions: Preconditions = {}): Promise<WriteResult> {
    const { resource, namespace, name } = target;
    const live = this.#store.get(resource, namespace, name);
    if (!live) throw notFound(resource, name);
    refuseUnmet(live, preconditions);
    const attributes = { ...this.#attributes(target, request), operation: 'DELETE', oldObject: live.object } as const;
    await this.#admission.mutate(attributes);
    if (request.dryRun) return { object: live.object, created: false };
    const present = this.#store.get(resource, namespace, name);
    if (!present) throw notFound(resource, name);
    return { object: this.#deleteLive(present), created: false };
  }

  #deleteLive(live: StoredObject): ApiObject {
    const { resource, object } = live;
    if (!isHeld(object)) return this.#store.remove(live).object;
    if (object.metadata.deletionTimestamp) return object;
    return this.#store.put(resource, markDeleted(object, this.timestamp())).object;
  }

  async #createDecoded(target: Target, object: ApiObject, request: WriteRequest): Promise<WriteResult> {
    const { resource, namespace } = target;
    const attributes: AdmissionAttributes = { ...this.#attributes(target, request), operation: 'CREATE', object };
    await this.#admission.mutate(attributes);
    const admitted = newObject(target, attributes.object ?? object, {
      creationTimestamp: this.timestamp(),
      minor: this.#minor,
      isTaken: (name) => this.#store.get(resource, namespace, name) !== undefined,
    });
    validateNew(resource, admitted);
    this.#admission.validate({ ...attributes, object: admitted, name: admitted.metadata.name ?? '' });
    const name = admitted.metadata.name ?? '';
    if (this.#store.get(resource, namespace, name)) throw alreadyExists(resource, name);
    if (request.dryRun) return { object: admitted, created: true };
    return { object: this.#store.put(resource, admitted).object, created: true };
  }

  /** The outcome; undefined when the object was changed meanwhile and the change has to be tried anew. */
  async #changeLive(
    live: StoredObject,
    target: Target,
    change: Change,
    request: WriteRequest,
  ): Promise<WriteResult | undefined> {
    const { resource, subresource = '' } = target;
    const wanted = this.#decodeFor(target, change.next(copyOf(live.object)));
    const version = wanted.metadata.resourceVersion ?? '';
    const object = applySubresource(subresource, live.object, wanted);
    keepIdentity(live, object);
    if (!change.records) recordUpdate(live.object, object, this.author(request));
    const attributes: AdmissionAttributes = {
      ...this.#attributes(target, request),
      operation: 'UPDATE',
      object,
      oldObject: live.object,
    };
    await this.#admission.mutate(attributes);
    refuseStale(live, version);
    const admitted = attributes.object ?? object;
    keepIdentity(live, admitted);
    validateChange(resource, live.object, admitted);
    this.#admission.validate(attributes);
    if (this.#store.get(resource, live.namespace, live.name) !== live) return undefined;
    return { object: request.dryRun ? admitted : this.#commit(live, admitted), created: false };
  }

  #commit(live: StoredObject, admitted: ApiObject): ApiObject {
    const { resource } = live;
    const object = withoutAbsent(admitted) as ApiObject;
    object.metadata.resourceVersion = live.object.metadata.resourceVersion;
    const isLast = object.metadata.deletionTimestamp !== undefined && !isHeld(object);
    if (isLast) return this.#store.remove(live, object).object;
    if (isDeepStrictEqual(object, live.object)) return live.object;
    if (resource.hasGeneration && !isDeepStrictEqual(specOf(object), specOf(live.object))) {
      object.metadata.generation = (live.object.metadata.generation ?? 1) + 1;
    }
    return this.#store.put(resource, object).object;
  }

  #attributes(target: Target, { user, dryRun, fieldManager, warn }: WriteRequest) {
    const { resource, namespace, name, subresource = '' } = target;
    const options: JsonMap = { ...(dryRun && { dryRun: ['All'] }), ...(fieldManager && { fieldManager }) };
    return {
      resource,
      subresource,
      namespace,
      name,
      object: undefined,
      oldObject: undefined,
      dryRun,
      user,
      warn,
      options,
    };
  }

  #decodeFor({ resource, namespace, name }: Target, body: unknown): ApiObject {
    const object = decode(resource, body, { minor: this.#minor });
    const { metadata } = object;
    if (name !== '' && (metadata.name ??= name) !== name) {
      throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
    }
    if (resource.namespaced && (metadata.namespace ?? namespace) !== namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    }
    // Later servers fill it in before admission, 1.20 after it.
    if (resource.namespaced && this.#minor >= 22) metadata.namespace = namespace;
    if (!resource.namespaced) delete metadata.namespace;
    return object;
  }
}

function specOf(object: ApiObject): JsonMap {
  return without(object, 'metadata', 'status');
}
