import type { ServerResponse } from 'node:http';
import { matchesRequest } from './request-log.ts';
import type { LoggedRequest, RequestMatch } from './request-log.ts';

/** One open watch: lines that go to a client until its time is over, it leaves, or a fault cuts it. */
export class WatchStream {
  readonly request: LoggedRequest;
  readonly #response: ServerResponse;
  readonly #timers: NodeJS.Timeout[] = [];
  #held: string[] | undefined;
  #isOver = false;

  constructor(request: LoggedRequest, response: ServerResponse, stalled: boolean) {
    this.request = request;
    this.#response = response;
    this.#held = stalled ? [] : undefined;
    response.on('close', () => {
      for (const timer of this.#timers) clearTimeout(timer);
    });
  }

  /** Sends the headers, so that the client knows that the watch is open. */
  open(): void {
    this.request.status = 200;
    this.#response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
    this.#response.flushHeaders();
  }

  readonly send = (line: string): void => {
    if (this.#held) this.#held.push(line);
    else if (!this.#response.writableEnded) this.#response.write(line);
  };

  every(ms: number, act: () => void): void {
    this.#timers.push(setInterval(act, ms));
  }

  after(ms: number, act: () => void): void {
    this.#timers.push(setTimeout(act, ms));
  }

  onClose(act: () => void): void {
    this.#response.on('close', act);
  }

  setStalled(stalled: boolean): void {
    const held = this.#held ?? [];
    this.#held = stalled ? held : undefined;
    if (stalled) return;
    for (const line of held) this.send(line);
    if (this.#isOver) this.end();
  }

  /** Ends the stream as a server does whose time for it is over. A stalled one says nothing, not even that. */
  readonly end = (): void => {
    this.#isOver = true;
    if (!this.#held) this.#response.end();
  };

  /** Cuts the connection in the middle. */
  cut(): void {
    this.#response.destroy();
  }
}

/** The watches that are open now. */
export class OpenWatches {
  readonly #streams = new Set<WatchStream>();

  get size(): number {
    return this.#streams.size;
  }

  add(stream: WatchStream): void {
    this.#streams.add(stream);
    stream.onClose(() => this.#streams.delete(stream));
  }

  of(match: RequestMatch): WatchStream[] {
    return [...this.#streams].filter(({ request }) => matchesRequest(request, match));
  }

  cut(match: RequestMatch = {}): void {
    for (const stream of this.of(match)) stream.cut();
  }
}
