import { fork, type ChildProcess } from 'node:child_process';
import { on, once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

/** Of Linux's clock, which counts the processor time of a process. */
const TICK_MS = 10;

interface Question {
  id: number;
  name: string;
  argument: unknown;
}

interface Reply {
  id: number;
  answer?: unknown;
}

/** A program of the bench's own in a process of its own, which says first how to reach it. */
export class Child<Ready> implements AsyncDisposable {
  readonly ready: Ready;
  readonly #process: ChildProcess;
  #asked = 0;

  private constructor(child: ChildProcess, ready: Ready) {
    this.#process = child;
    this.ready = ready;
  }

  /** @param program in the bench's folder. @param options what it finds as JSON in its only argument. */
  static async start<Ready>(program: string, options: object = {}): Promise<Child<Ready>> {
    const child = fork(resolve(import.meta.dirname, program), [JSON.stringify(options)]);
    const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${program} ended before it was ready`)));
    const [ready] = (await Promise.race([once(child, 'message'), ended])) as [Ready];
    ended.catch(() => undefined);
    return new Child(child, ready);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Has the program do what it offers under that name, see {@link offer}. */
  async ask<Answer>(name: string, argument: unknown = null): Promise<Answer> {
    const id = ++this.#asked;
    this.#process.send({ id, name, argument } satisfies Question);
    for await (const [reply] of on(this.#process, 'message', { close: ['exit'] }) as AsyncIterable<[Reply]>) {
      if (reply.id === id) return reply.answer as Answer;
    }
    throw new Error('the program ended without an answer');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.disconnect();
    await exited;
  }
}

/** What a program of the bench was started with. */
export function childOptions(): unknown {
  return JSON.parse(process.argv[2] ?? '{}');
}

/** Tells the parent how to reach this program, and ends it with the parent, even where that is killed. */
export function tellReady(ready: object): void {
  process.once('disconnect', () => process.exit(0));
  process.send?.(ready);
}

/** What the parent may ask of this program, by name. */
export function offer(deeds: Readonly<Record<string, (argument: never) => unknown>>): void {
  process.on('message', ({ id, name, argument }: Question) => {
    void Promise.resolve(deeds[name]?.(argument as never)).then((answer) =>
      process.send?.({ id, answer } satisfies Reply),
    );
  });
}

/** The processor time that a process has taken so far, of all its threads. Source: proc_pid_stat(5) */
export async function cpuMsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold anything; utime and stime are the 14th and 15th field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
