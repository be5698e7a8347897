import { describe, expect, it } from 'vitest';
import { AdmissionHandler } from '../../src/admission/admission-handler.ts';
import { formatAdmissionReview, type AdmissionRequest } from '../../src/admission/admission-review.ts';
import type { AdmissionView } from '../../src/admission/admission-view.ts';
import type { ObjectMeta, Pod, ServiceAccount } from '../../src/kube/objects.ts';
import type { EnsureOutcome } from '../../src/secrets/pull-secret-writer.ts';
import { admitted, managedImage, podRequest, serviceAccountRequest, viewWith } from '../builders/admission.ts';
import { podAt, serviceAccountAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { refusal } from '../fakes/memory-api.ts';

type Resource = 'pods' | 'serviceaccounts';
type Operation = 'CREATE' | 'UPDATE';
type Outcome = 'allowed' | 'patched' | 'patched, warning' | 'denied';

interface Request {
  resource: Resource;
  operation: Operation;
  dryRun: boolean;
}

/** What a row of the table speaks of; several rows' situations can be there at once, and then the first row counts. */
interface Situation {
  name: string;
  view?: Partial<AdmissionView>;
  metadata?: ObjectMeta;
  /** The names in the list of the object. */
  list?: string[];
  images?: string[];
  /** How a write of the Secret ends; `never` is no end. */
  ensure?: EnsureOutcome | Error | 'never';
  /** Which requests the situation can be that of; default: all. */
  of?: (request: Request) => boolean;
}

interface Row {
  row: number;
  situations: Situation[];
  Ignore: Outcome;
  Fail: Outcome;
  /** How often the Secret may be asked to be written. */
  writes: 'none' | 'some';
}

const notDryRun = ({ dryRun }: Request) => !dryRun;
const isPod = ({ resource }: Request) => resource === 'pods';
const unknown: Partial<AdmissionView> = { secretKnown: false };

/** The outcome table of the documentation, as data. */
const table: Row[] = [
  {
    row: 1,
    situations: [
      { name: 'not a target', view: { isTarget: false } },
      { name: 'a ServiceAccount that is not selected', view: { selectsServiceAccount: () => false } },
      { name: 'a namespace that opted out', view: { optedOut: true } },
      { name: 'an object that opted out', metadata: { labels: { 'acr-credential-injector/inject': 'false' } } },
      { name: 'a mirror Pod', metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } }, of: isPod },
      { name: 'a terminating namespace', view: { terminating: true } },
      { name: 'deletionTimestamp set', metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } },
      { name: 'a Secret of another type', view: { foreignSecret: 'ForeignType' } },
      { name: 'an immutable Secret', view: { foreignSecret: 'Immutable' } },
      { name: 'a pause', view: { paused: true } },
    ],
    Ignore: 'allowed',
    Fail: 'allowed',
    writes: 'none',
  },
  {
    row: 2,
    situations: [
      { name: 'the reference there', list: ['pull'] },
      { name: 'the reference there among others', list: ['a', 'pull', 'b'] },
      { name: 'no image of a managed domain', images: ['nginx', 'registry.example.com/x'], of: isPod },
      { name: 'no image at all', images: [], of: isPod },
    ],
    Ignore: 'allowed',
    Fail: 'allowed',
    writes: 'none',
  },
  {
    row: 3,
    situations: [{ name: 'a ServiceAccount UPDATE', of: ({ operation }) => operation === 'UPDATE' }],
    Ignore: 'patched',
    Fail: 'patched',
    writes: 'none',
  },
  {
    row: 4,
    situations: [{ name: 'no live credential', view: { hasLiveCredential: false, deadRegistries: ['cri-a'] } }],
    Ignore: 'patched, warning',
    Fail: 'denied',
    writes: 'none',
  },
  {
    row: 5,
    situations: [{ name: 'a dry run', of: ({ dryRun }) => dryRun }],
    Ignore: 'patched',
    Fail: 'patched',
    writes: 'none',
  },
  {
    row: 6,
    situations: [{ name: 'a known Secret', view: { secretKnown: true }, of: notDryRun }],
    Ignore: 'patched',
    Fail: 'patched',
    writes: 'none',
  },
  {
    row: 7,
    situations: [
      { name: 'a Secret written in time', view: unknown, ensure: 'Written', of: notDryRun },
      { name: 'a Secret found in time', view: unknown, ensure: 'UpToDate', of: notDryRun },
    ],
    Ignore: 'patched',
    Fail: 'patched',
    writes: 'some',
  },
  {
    row: 8,
    situations: [
      { name: 'no end of the write', view: unknown, ensure: 'never', of: notDryRun },
      { name: 'conflict upon conflict', view: unknown, ensure: refusal(409, 'Conflict'), of: notDryRun },
      { name: 'an overloaded API server', view: unknown, ensure: refusal(429, 'TooManyRequests'), of: notDryRun },
      { name: 'a broken API server', view: unknown, ensure: refusal(503, 'ServiceUnavailable'), of: notDryRun },
    ],
    Ignore: 'patched, warning',
    Fail: 'denied',
    writes: 'some',
  },
];

/** What turns out only at the write. */
const late: (Pick<Row, 'Ignore' | 'Fail'> & { situation: Situation })[] = [
  { situation: { name: 'the namespace missing', ensure: 'NamespaceGone' }, Ignore: 'allowed', Fail: 'allowed' },
  { situation: { name: 'a foreign Secret', ensure: 'Foreign' }, Ignore: 'allowed', Fail: 'allowed' },
  {
    situation: { name: 'a foreign Secret, seen by the API server alone', ensure: refusal(422, 'Invalid') },
    Ignore: 'allowed',
    Fail: 'allowed',
  },
  {
    situation: { name: 'the last token expired', ensure: 'NoCredential' },
    Ignore: 'patched, warning',
    Fail: 'denied',
  },
  {
    situation: { name: 'an exceeded quota', ensure: refusal(403, 'Forbidden') },
    Ignore: 'patched, warning',
    Fail: 'patched, warning',
  },
];

const requests: Request[] = [false, true].flatMap((dryRun) => [
  { resource: 'pods', operation: 'CREATE', dryRun },
  { resource: 'serviceaccounts', operation: 'CREATE', dryRun },
  { resource: 'serviceaccounts', operation: 'UPDATE', dryRun },
]);

const isPossible = ({ of = () => true }: Situation, request: Request) => of(request);

function requestOf({ resource, operation, dryRun }: Request, situations: Situation[]): AdmissionRequest {
  const metadata = Object.assign({}, ...situations.map((each) => each.metadata)) as ObjectMeta;
  const list = situations.flatMap((each) => each.list ?? []);
  const images = situations.findLast((each) => each.images)?.images ?? [managedImage];
  const references = list.map((name) => ({ name }));
  const account: ServiceAccount = serviceAccountAt('team-a/app', list, metadata);
  const containers = images.map((image, index) => ({ name: `c${index}`, image }));
  const pod: Pod = podAt('team-a/app', managedImage, { containers, imagePullSecrets: references }, metadata);
  return resource === 'pods'
    ? podRequest(pod, { operation, dryRun })
    : serviceAccountRequest(account, { operation, dryRun, oldObject: admitted(account) });
}

/** What became of a request in these situations, as the API server sees it, and how many writes were asked for. */
async function outcomeOf(request: Request, situations: Situation[], failurePolicy: 'Ignore' | 'Fail') {
  const clock = new ManualClock();
  const ensure = situations.findLast((each) => each.ensure)?.ensure ?? 'Written';
  let writes = 0;
  const handler = new AdmissionHandler({
    clock,
    viewOf: () => viewWith(Object.assign({ failurePolicy }, ...situations.map(({ view }) => view)) as object),
    ensureSecret: () => {
      writes++;
      if (ensure === 'never') return new Promise(() => undefined);
      return ensure instanceof Error ? Promise.reject(ensure) : Promise.resolve(ensure);
    },
  });
  const reviewed = handler.review(requestOf(request, situations), { timeout: '10s' });
  await clock.pass(9_000);
  const { outcome } = await reviewed;
  expect(clock.sleepers).toBe(0);
  return { outcome: nameOf(JSON.parse(formatAdmissionReview('u', outcome)) as Review), writes };
}

interface Review {
  response: {
    allowed: boolean;
    patch?: string;
    warnings?: string[];
    status?: { code: number; reason: string; message: string; details: { retryAfterSeconds: number } };
  };
}

function nameOf({ response }: Review): Outcome {
  const { allowed, patch, warnings = [], status } = response;
  for (const warning of warnings) expect(warning.length).toBeLessThanOrEqual(120);
  if (!allowed) {
    expect(status).toMatchObject({ code: 503, reason: 'ServiceUnavailable', details: { retryAfterSeconds: 1 } });
    expect(status?.message).toMatch(/token|Secret/);
    return 'denied';
  }
  if (!patch) {
    expect(warnings).toEqual([]);
    return 'allowed';
  }
  return warnings.length > 0 ? 'patched, warning' : 'patched';
}

/** Situations and the row that speaks of them first; each alone, and each with one of every later row. */
function cases(request: Request): { name: string; row: Row; situations: Situation[] }[] {
  const possible = table.map((row) => ({
    row,
    situations: row.situations.filter((situation) => isPossible(situation, request)),
  }));
  return possible.flatMap(({ row, situations }, index) =>
    situations.flatMap((first) => {
      // A write has one end.
      const later = possible
        .slice(index + 1)
        .flatMap((each) => each.situations)
        .filter((second) => !(first.ensure && second.ensure));
      // What an object cannot be without is there in any case.
      const given = possible.slice(0, index).some((each) => isGiven(each.row, request));
      if (given) return [];
      const together = later.map((second) => ({
        name: `${first.name} and ${second.name}`,
        situations: [second, first],
      }));
      return [{ name: first.name, situations: [first] }, ...together].map((each) => ({ ...each, row }));
    }),
  );
}

/** A row that a request falls under by what it is, whatever the situation. */
function isGiven({ row }: Row, { operation, dryRun }: Request): boolean {
  return (row === 3 && operation === 'UPDATE') || (row === 5 && dryRun);
}

describe.each(['Ignore', 'Fail'] as const)('under %s', (failurePolicy) => {
  describe.each(requests)('a $operation of $resource, dry run: $dryRun,', (request) => {
    it.each(cases(request))('is answered by row $row.row with $name', async ({ row, situations }) => {
      const { outcome, writes } = await outcomeOf(request, situations, failurePolicy);
      expect(outcome).toBe(row[failurePolicy]);
      if (row.writes === 'none') expect(writes).toBe(0);
      else expect(writes).toBeGreaterThan(0);
    });
  });

  it.each(late)('a missing Secret turns out to be $situation.name', async ({ situation, ...expected }) => {
    for (const request of requests.filter(({ operation, dryRun }) => operation === 'CREATE' && !dryRun)) {
      const { outcome } = await outcomeOf(request, [{ name: '', view: unknown }, situation], failurePolicy);
      expect(outcome).toBe(expected[failurePolicy]);
    }
  });
});

it('every row is met by some request', () => {
  const met = requests.flatMap((request) => cases(request).map(({ row }) => row.row));
  expect([...new Set(met)].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});
