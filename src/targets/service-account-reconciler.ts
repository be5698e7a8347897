import type { Clock } from '../clock.ts';
import { forEachInTurns } from '../in-turns.ts';
import type { KeptObject, LoopGuard } from '../kube/loop-guard.ts';
import type { Namespace, ServiceAccount } from '../kube/objects.ts';
import { refOf } from '../kube/object-map.ts';
import type { ObjectCache } from '../kube/reflector.ts';
import { resources, type ObjectRef } from '../kube/resources.ts';
import { WorkQueue } from '../kube/work-queue.ts';
import type { SecretReferences } from './secret-references.ts';
import { serviceAccountDrift, type ObservedServiceAccount, type Selection } from './service-account-drift.ts';
import type { ServiceAccountWriter } from './service-account-writer.ts';
import {
  selectsNamespace,
  selectsServiceAccount,
  type ObservedNamespace,
  type TargetRules,
} from './target-selector.ts';

export interface ServiceAccountReconcilerOptions {
  clock: Clock;
  /** Undefined while nothing is to be done. */
  rules: () => TargetRules | undefined;
  namespaces: Pick<ObjectCache<Namespace, ObservedNamespace>, 'get' | 'subscribe'>;
  serviceAccounts: Pick<
    ObjectCache<ServiceAccount, ObservedServiceAccount>,
    'get' | 'entries' | 'entriesIn' | 'subscribe'
  >;
  writer: Pick<ServiceAccountWriter, 'attach' | 'detach' | 'releaseOwnership'>;
  /** Which pull Secrets the ServiceAccounts of a target are to name. */
  references: (namespace: string) => SecretReferences;
  loopGuard: Pick<LoopGuard, 'waitMs' | 'wrote' | 'forget'>;
  onFailure: (serviceAccount: string, error: unknown, retryInMs: number) => void;
}

/** In flight at once; ServiceAccounts come in numbers when a configuration begins to select them. */
const CONCURRENCY = 16;

/**
 * For how long what was admitted by the configuration before an edit may be heard of after it: as long as an API server waits for
 * a webhook, unless told otherwise. Whoever writes our name himself within that time is not told from it.
 */
const ADMITTED_FOR_MS = 10_000;

const NO_REFERENCES: SecretReferences = { attach: [], keep: [] };

/** Makes every ServiceAccount of the targets carry the references, and no other that nobody asked for. */
export class ServiceAccountReconciler {
  readonly #options: ServiceAccountReconcilerOptions;
  readonly #queue: WorkQueue;
  /** What the last edit stopped selecting and is still to be detached. */
  readonly #deselected = new Set<string>();
  #lastRules: TargetRules | undefined;
  /** What was in force before, by which some ServiceAccounts were not looked at yet. */
  #formerRules: TargetRules[] = [];
  /** What was in force a moment ago, of which references may still be heard. */
  readonly #recentRules = new Set<TargetRules>();
  #looks = 0;
  /** How often the configuration changed: what follows from that is no repair. */
  #edits = 0;
  #isStarted = false;

  constructor(options: ServiceAccountReconcilerOptions) {
    this.#options = options;
    const { clock, onFailure, serviceAccounts, namespaces } = options;
    this.#queue = new WorkQueue({
      clock,
      concurrency: CONCURRENCY,
      onFailure,
      reconcile: (key) => this.#reconcile(key),
    });
    serviceAccounts.subscribe((key, current, previous) => {
      // One that is new was made by whoever wrote its list.
      if (current) this.#lookAt(key, current, previous ? this.#recentRules : []);
      else this.#forget(key);
    });
    namespaces.subscribe((name, current, previous) => {
      const isSettled = current?.optedOut === previous?.optedOut && current?.terminating === previous?.terminating;
      if (current && (!previous || !isSettled)) this.reconcileNamespace(name);
    });
  }

  start(signal: AbortSignal): void {
    this.#isStarted = true;
    this.#queue.start(signal);
    this.reconcileAll();
  }

  /** The configuration changed, or the tokens. */
  reconcileAll(): void {
    const lastRules = this.#lastRules;
    const rules = this.#options.rules();
    if (!rules) return;
    this.#lastRules = rules;
    if (rules !== lastRules) this.#edits += 1;
    if (lastRules && rules !== lastRules) this.#replaced(lastRules);
    void this.#lookAtAll();
  }

  #replaced(rules: TargetRules): void {
    this.#formerRules.push(rules);
    this.#recentRules.add(rules);
    this.#options.clock.after(ADMITTED_FOR_MS, () => this.#recentRules.delete(rules));
  }

  async #lookAtAll(): Promise<void> {
    const look = ++this.#looks;
    const former = this.#formerRules;
    await forEachInTurns(this.#entriesDuring(look), ([key, observed]) => this.#lookAt(key, observed, former));
    if (look === this.#looks) this.#formerRules = [];
  }

  /** None any more once there is reason to look at all anew. */
  *#entriesDuring(look: number): Generator<[string, ObservedServiceAccount]> {
    for (const entry of this.#options.serviceAccounts.entries()) {
      if (look !== this.#looks) return;
      yield entry;
    }
  }

  reconcileNamespace(namespace: string): void {
    // The start looks at everything; until then the first list brings namespaces by the thousand.
    if (!this.#isStarted) return;
    for (const [key] of this.#options.serviceAccounts.entriesIn(namespace)) this.#addIfDrifted(key);
  }

  /** Takes the references to these Secrets from every ServiceAccount of a namespace that needs them no longer. */
  async detachNamespace(namespace: string, names: readonly string[]): Promise<void> {
    const { serviceAccounts, writer } = this.#options;
    const attached = [...serviceAccounts.entriesIn(namespace)].filter(
      ([, { optedOut, references }]) => !optedOut && names.some((name) => references.includes(name)),
    );
    for (const [key] of attached) await writer.detach(refOf(key), names);
  }

  /** @param formerRules what its reference may have come from. */
  #lookAt(key: string, { references }: ObservedServiceAccount, formerRules: Iterable<TargetRules>): void {
    const ref = refOf(key);
    const rules = this.#options.rules();
    const isSelectedBy = (each: TargetRules) => this.#selects(each, ref);
    // It may have been the replica that leads which detached it.
    if (references.length === 0) this.#deselected.delete(key);
    else if (rules && isSelectedBy(rules)) this.#deselected.delete(key);
    else if (rules && [...formerRules].some(isSelectedBy)) this.#deselected.add(key);
    this.#addIfDrifted(key);
  }

  /** The decision is cheap, a queue of every ServiceAccount of a cluster is not. */
  #addIfDrifted(key: string): void {
    if (this.#drift(key)) this.#queue.add(key);
  }

  #drift(key: string, ref = refOf(key)): ReturnType<typeof serviceAccountDrift> {
    const observed = this.#options.serviceAccounts.get(ref);
    const wanted = this.#wanted(key, ref);
    return observed && wanted ? serviceAccountDrift(observed, wanted.selection, wanted) : null;
  }

  /** Undefined where nothing is to be done. */
  #wanted(key: string, ref: Required<ObjectRef>): (SecretReferences & { selection: Selection }) | undefined {
    const { rules, namespaces, references } = this.#options;
    const currentRules = rules();
    const observedNamespace = namespaces.get({ name: ref.namespace });
    if (!currentRules || !observedNamespace || observedNamespace.terminating) return undefined;
    if (this.#selects(currentRules, ref)) return { selection: 'selected', ...references(ref.namespace) };
    return { selection: this.#deselected.has(key) ? 'deselected' : 'never', ...NO_REFERENCES };
  }

  #selects(rules: TargetRules, { namespace, name }: Required<ObjectRef>): boolean {
    const observed = this.#options.namespaces.get({ name: namespace });
    return selectsNamespace(rules, namespace, observed) && selectsServiceAccount(rules, name);
  }

  async #reconcile(key: string): Promise<void> {
    const { serviceAccounts, writer } = this.#options;
    const ref = refOf(key);
    const { references = [] } = serviceAccounts.get(ref) ?? {};
    const { attach, keep } = this.#wanted(key, ref) ?? NO_REFERENCES;
    switch (this.#drift(key, ref)) {
      case 'Attach':
        return this.#guarded(key, `with ${attach.join()}`, () => this.#attach(key, ref, attach));
      case 'Detach': {
        const leftovers = references.filter((name) => !keep.includes(name));
        return this.#guarded(key, `without ${leftovers.join()}`, () => writer.detach(ref, leftovers));
      }
      case 'ReleaseOwnership':
        return writer.releaseOwnership(ref);
      case null:
        return;
    }
  }

  /** However long it takes, and whether or not it fails: what is attached by rules that are in force no more is detached. */
  async #attach(key: string, ref: Required<ObjectRef>, names: readonly string[]): Promise<void> {
    const { rules, serviceAccounts, writer } = this.#options;
    const rulesBefore = rules();
    try {
      await writer.attach(ref, names);
    } finally {
      const observed = serviceAccounts.get(ref);
      if (observed && rulesBefore) this.#lookAt(key, observed, [rulesBefore]);
    }
  }

  /** Changes the list, but not as often as somebody may change it back. */
  async #guarded(key: string, list: string, change: () => Promise<void>): Promise<void> {
    const { serviceAccounts, loopGuard } = this.#options;
    const wanted = `${list}, edit ${this.#edits}`;
    const waitMs = loopGuard.waitMs(keptAt(key), wanted, serviceAccounts.get(refOf(key))?.managers ?? []);
    if (waitMs > 0) {
      this.#queue.addAfter(key, waitMs);
      return;
    }
    await change();
    loopGuard.wrote(keptAt(key), wanted);
  }

  #forget(key: string): void {
    this.#deselected.delete(key);
    this.#options.loopGuard.forget(keptAt(key));
  }
}

function keptAt(key: string): KeptObject {
  return { resource: resources.serviceAccounts, ...refOf(key) };
}
