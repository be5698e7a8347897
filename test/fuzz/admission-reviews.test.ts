import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AdmissionHandler } from '../../src/admission/admission-handler.ts';
import { systemClock } from '../../src/clock.ts';
import { WebhookServer } from '../../src/server/webhook-server.ts';
import { viewWith } from '../builders/admission.ts';
import { selfSignedCertificate } from '../sandbox/api-server/certificate.ts';
import { mutatedReview } from './review-mutator.ts';
import { faultOf } from './review-oracle.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

/** `make fuzz` sets more. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 5_000);
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 32);
/** As many as an API server keeps. */
const CONNECTIONS = 25;
const MAX_GROWTH_BYTES = 16 * 2 ** 20;

const reviews = new URL('../fixtures/admission-reviews/', import.meta.url);
const seeds = new URL('seeds/', import.meta.url);
const corpus = readdirSync(reviews).map((name) => readFileSync(new URL(name, reviews), 'utf8'));

const agent = new Agent({ connect: { rejectUnauthorized: false }, connections: CONNECTIONS });
let server: WebhookServer;
let url: string;
let answered = 0;
/** How many there were of each reason, and of no review at all. */
const reasons = new Map<string, number>();
const unforeseen: unknown[] = [];

beforeAll(async () => {
  const { cert, key } = selfSignedCertificate(['webhook.local']);
  server = new WebhookServer({
    listen: { host: '127.0.0.1', port: 0 },
    handler: new AdmissionHandler({
      clock: systemClock,
      viewOf: (namespace) =>
        namespace === '__proto__' ? undefined : viewWith({ secretKnown: answered % 2 === 0, managesImage: () => true }),
      ensureSecret: () => Promise.resolve('Written'),
    }),
    onReviewed: ({ verdict: { reason, cause } }) => {
      count(reason);
      if (reason === 'InternalError') unforeseen.push(cause);
    },
    onUnreadable: () => count('unreadable'),
  });
  const certificate = { cert, key, caBundle: cert, expiresAt: Infinity, caExpiresAt: Infinity };
  url = await server.start(certificate, { onChange: () => () => undefined });
});
afterAll(async () => {
  await agent.destroy();
  await server.stop();
});

function count(reason: string): void {
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
}

/** What is wrong with the answer to a body; undefined: nothing. */
async function faultWith(body: Uint8Array): Promise<string | undefined> {
  const { statusCode, body: answer } = await request(`${url}/mutate?timeout=1s`, {
    method: 'POST',
    dispatcher: agent,
    headers: { 'content-type': 'application/json' },
    headersTimeout: 20_000,
    body,
  });
  answered++;
  const fault = faultOf(body, { status: statusCode, body: await answer.text() });
  return fault ?? (unforeseen.length > 0 ? `an error that nobody foresaw: ${String(unforeseen.pop())}` : undefined);
}

/** Keeps what was wrong, to be tried first from now on. */
async function tryOut(body: Uint8Array): Promise<void> {
  const fault = await faultWith(body).catch((error: unknown) => `no answer: ${String(error)}`);
  if (fault === undefined) return;
  const name = `${createHash('sha256').update(body).digest('hex').slice(0, 16)}.bin`;
  mkdirSync(seeds, { recursive: true });
  writeFileSync(new URL(name, seeds), body);
  throw new Error(`${fault}: see test/fuzz/seeds/${name} (FUZZ_SEED=${SEED})`);
}

/** Ends with what went wrong first: the requests that are under way then are waited for, and are no finding of their own. */
async function fuzz(random: SeededRandom, runs: number): Promise<void> {
  let left = runs;
  const connection = async () => {
    try {
      while (left-- > 0) await tryOut(mutatedReview(random, corpus));
    } finally {
      left = 0;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: CONNECTIONS }, connection));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}

it('what once went wrong does so no more', async () => {
  for (const name of readdirSync(seeds).filter((each) => each.endsWith('.bin'))) {
    await tryOut(readFileSync(new URL(name, seeds)));
  }
});

it(
  `${RUNS} bodies are each answered as they should be, and leave nothing in memory`,
  { timeout: 3_600_000 },
  async () => {
    const random = new SeededRandom(SEED);
    const warmUp = Math.ceil(RUNS / 5);
    await fuzz(random, warmUp);
    const before = heapAfterCollection();
    await fuzz(random, RUNS - warmUp);
    const growth = heapAfterCollection() - before;
    console.log(`${answered} bodies, FUZZ_SEED=${SEED}, heap ${before >> 20} MiB, grown by ${growth >> 10} KiB`);
    console.log(Object.fromEntries([...reasons].sort(([, a], [, b]) => b - a)));
    expect(answered).toBeGreaterThanOrEqual(RUNS);
    // A mutator that makes nothing but rubbish would find nothing.
    expect(reasons.get('SecretWritten')).toBeGreaterThan(RUNS / 20);
    expect(growth).toBeLessThan(MAX_GROWTH_BYTES);
  },
);
