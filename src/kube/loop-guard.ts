import type { Clock } from '../clock.ts';
import type { ObjectRef, Resource } from './resources.ts';

/** An object that this service keeps as it should be. */
export type KeptObject = ObjectRef & { resource: Resource };

export interface LoopGuardOptions {
  clock: Pick<Clock, 'now'>;
  /** Told once of each fight. `rivals` are the field managers that wrote the object beside us, the latest first. */
  onFight: (object: KeptObject, rivals: readonly string[]) => void;
}

/** So many repairs within a minute are made at once; one more, and somebody undoes them. */
const REPAIRS_A_MINUTE = 6;
const MINUTE_MS = 60_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 5 * MINUTE_MS;
/** An object that was left alone for so long after a repair is fought over no more. */
const PEACE_AFTER_MS = 2 * LONGEST_WAIT_MS;

interface History {
  /** What stands for the content that was written last. */
  wanted: string;
  writtenAt: number;
  /** Times of the last repairs, as many as are needed to tell a fight. */
  repairedAt: readonly number[];
  /** Repairs since the fight began; undefined in peace. */
  fought?: number;
}

/**
 * Keeps two controllers that want different things of one object from rewriting it as fast as they can. A repair is the same
 * content written once more; what follows from a renewed token or an edited configuration is new content and never waits.
 */
export class LoopGuard {
  readonly #options: LoopGuardOptions;
  readonly #histories = new Map<string, History>();
  #sweepAt = 0;

  constructor(options: LoopGuardOptions) {
    this.#options = options;
  }

  /**
   * For how long writing the object is to wait, in milliseconds; 0: write it now.
   *
   * @param wanted what stands for the content to be written, a hash for example.
   * @param rivals see {@link LoopGuardOptions.onFight}.
   */
  waitMs(object: KeptObject, wanted: string, rivals: readonly string[]): number {
    const history = this.#recall(object);
    if (history?.wanted !== wanted || !isFought(history)) return 0;
    if (history.fought === undefined) this.#options.onFight(object, rivals);
    history.fought ??= 0;
    const pauseMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** history.fought);
    return Math.max(0, history.writtenAt + pauseMs - this.#options.clock.now());
  }

  /** The object has been written. */
  wrote(object: KeptObject, wanted: string): void {
    const now = this.#options.clock.now();
    const before = this.#recall(object);
    this.#sweep(now);
    const { repairedAt = [], fought } = before ?? {};
    const isRepair = before?.wanted === wanted;
    this.#histories.set(keyOf(object), {
      wanted,
      writtenAt: now,
      repairedAt: isRepair ? [...repairedAt, now].slice(-REPAIRS_A_MINUTE) : repairedAt,
      ...(fought !== undefined && { fought: isRepair ? fought + 1 : fought }),
    });
  }

  /** The object went with what it belonged to: another of its name is no repair. */
  forget(object: KeptObject): void {
    this.#histories.delete(keyOf(object));
  }

  #recall(object: KeptObject): History | undefined {
    const history = this.#histories.get(keyOf(object));
    return history && !isOver(history, this.#options.clock.now()) ? history : undefined;
  }

  #sweep(now: number): void {
    // A clock that was set back must not put this off.
    if (now < this.#sweepAt && this.#sweepAt - now <= PEACE_AFTER_MS) return;
    for (const [key, history] of this.#histories) if (isOver(history, now)) this.#histories.delete(key);
    this.#sweepAt = now + PEACE_AFTER_MS;
  }
}

/** A clock that was set back tells nothing of what was before. */
function isOver({ writtenAt }: History, now: number): boolean {
  return now < writtenAt || now - writtenAt > PEACE_AFTER_MS;
}

function isFought({ repairedAt, writtenAt, fought }: History): boolean {
  if (fought !== undefined) return true;
  const [oldest = 0] = repairedAt;
  return repairedAt.length === REPAIRS_A_MINUTE && writtenAt - oldest < MINUTE_MS;
}

function keyOf({ resource, namespace = '', name }: KeptObject): string {
  return `${resource.plural}/${namespace}/${name}`;
}
