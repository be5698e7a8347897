import { beforeEach, describe, expect, it } from 'vitest';
import type { ConfigProblem } from '../../src/config/config.ts';
import { CloudApiError, KubeApiError } from '../../src/errors.ts';
import type { EventNote, EventSubject } from '../../src/kube/event-recorder.ts';
import { resources } from '../../src/kube/resources.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { Reporter } from '../../src/telemetry/reporter.ts';
import { credentialWith } from '../builders/credential.ts';

let lines: string[];
let events: { subject: EventSubject; note: EventNote }[];
let metrics: Metrics;
let reporter: Reporter;

beforeEach(() => {
  lines = [];
  events = [];
  metrics = new Metrics();
  reporter = new Reporter({
    logger: createLogger('debug', { write: (line) => void lines.push(line) }),
    metrics,
    events: { record: (subject, note) => events.push({ subject, note }) },
    configMap: { namespace: 'kube-system', name: 'acr-configuration' },
  });
});

const logged = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
/** The samples of a metric that are not zero, without its prefix. */
async function samples(name: string): Promise<string[]> {
  const text = await metrics.registry.getSingleMetricAsString(`acr_injector_${name}`);
  const all = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return all.map((line) => line.replace('acr_injector_', '')).filter((line) => !line.endsWith(' 0'));
}

const problemIn = (key: string): ConfigProblem => ({ key, line: 2, column: 3, found: '`x`', fix: '`y`' });

describe('a reading of the configuration', () => {
  it('that is good is a line and a metric', async () => {
    reporter.configuration.read({ kind: 'accepted', data: {}, personalByDefault: false, warnings: [] }, 'u');
    expect(logged()).toMatchObject([{ level: 'info', msg: 'configuration accepted' }]);
    expect(await samples('config_valid')).toEqual(['config_valid 1']);
    expect(await samples('config_reloads_total')).toEqual(['config_reloads_total{result="accepted"} 1']);
    expect(events).toEqual([]);
  });

  it('with warnings is an Event, too', () => {
    reporter.configuration.read(
      { kind: 'accepted', data: {}, personalByDefault: false, warnings: [problemIn('rrsa')] },
      'u',
    );
    expect(events).toMatchObject([{ note: { type: 'Warning', reason: 'ConfigurationWarning' } }]);
  });

  it('that is refused says every problem with its place and what mends it, everywhere', async () => {
    reporter.configuration.read({ kind: 'accepted', data: {}, personalByDefault: false, warnings: [] }, 'u');
    const problems = [problemIn('acr-registry-info'), problemIn('watch-namespace')];
    reporter.configuration.read({ kind: 'refused', problems, warnings: [], keepsLastGood: true }, 'u');
    const [, line] = logged();
    expect(line).toMatchObject({ level: 'error', keepsLastGood: true });
    expect(line?.problems).toEqual([
      expect.stringMatching(/acr-registry-info.*line 2.*`x`.*`y`/) as string,
      expect.stringMatching(/watch-namespace.*line 2.*`x`.*`y`/) as string,
    ]);
    expect(await samples('config_valid')).toEqual([]);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      subject: { kind: 'ConfigMap', namespace: 'kube-system', name: 'acr-configuration', uid: 'u' },
      note: { type: 'Warning', reason: 'InvalidConfiguration' },
    });
    expect(events[0]?.note.message).toMatch(/acr-registry-info.*; .*watch-namespace/);
  });

  it('that finds nothing is an error', async () => {
    reporter.configuration.read({ kind: 'missing', keepsLastGood: false }, undefined);
    expect(logged()).toMatchObject([{ level: 'error', keepsLastGood: false }]);
    expect(await samples('config_reloads_total')).toEqual(['config_reloads_total{result="missing"} 1']);
  });
});

describe('a token', () => {
  it('that was renewed is told without showing it', async () => {
    reporter.credentials.tokenRenewed('cri-a', 'NearExpiry', credentialWith({ password: 'the-token' }));
    expect(logged()).toMatchObject([
      { registry: 'cri-a', reason: 'NearExpiry', expiresAt: '2026-01-02T04:04:05.000Z' },
    ]);
    expect(lines.join('')).not.toContain('the-token');
    expect(await samples('credential_refreshes_total')).toEqual([
      'credential_refreshes_total{registry="cri-a",result="success"} 1',
    ]);
  });

  it('that was not is counted by the code', async () => {
    reporter.credentials.tokenNotRenewed(
      'cri-a',
      new CloudApiError('slower', { code: 'Throttling', retryable: true }),
      1_000,
    );
    reporter.credentials.tokenNotRenewed('cri-a', new Error('bug'), 1_000);
    expect(logged()).toMatchObject([
      { level: 'error', registry: 'cri-a', retryInMs: 1_000, error: { code: 'Throttling', message: 'slower' } },
      {},
    ]);
    expect(await samples('credential_refreshes_total')).toEqual([
      'credential_refreshes_total{registry="cri-a",result="Throttling"} 1',
      'credential_refreshes_total{registry="cri-a",result="Error"} 1',
    ]);
  });
});

describe('a review', () => {
  const reviewed = (
    resource: string,
    decision: 'patched' | 'denied' | 'allowed',
    reason: 'SecretKnown' | 'NoCredential' | 'InternalError',
    isOwn = false,
  ) =>
    reporter.webhook.reviewed({
      resource,
      operation: 'CREATE',
      namespace: 'team-a',
      verdict: {
        outcome: { allowed: true },
        decision,
        reason,
        ...(reason === 'InternalError' && { cause: new Error('bug') }),
      },
      durationMs: 4,
      isOwn,
    });

  it('is counted by what came of it, and timed', async () => {
    reviewed('pods', 'patched', 'SecretKnown');
    reviewed('pods', 'patched', 'SecretKnown');
    expect(await samples('admission_requests_total')).toEqual([
      'admission_requests_total{resource="pods",decision="patched",reason="SecretKnown"} 2',
    ]);
    expect(await samples('admission_duration_seconds')).toContain('admission_duration_seconds_count 2');
    expect(await samples('admission_duration_seconds')).toContain('admission_duration_seconds_sum 0.008');
    expect(logged()).toMatchObject([{ level: 'debug', namespace: 'team-a' }, {}]);
  });

  it("of the service's own is not counted", async () => {
    reviewed('serviceaccounts', 'patched', 'SecretKnown', true);
    expect(await samples('admission_requests_total')).toEqual([]);
    expect(await samples('admission_duration_seconds')).toEqual([]);
    expect(logged()).toHaveLength(1);
  });

  it('that was denied, or failed, is told to who reads no debug lines', () => {
    reviewed('pods', 'denied', 'NoCredential');
    reviewed('pods', 'allowed', 'InternalError');
    expect(logged()).toMatchObject([{ level: 'warn' }, { level: 'error', error: { message: 'bug' } }]);
  });

  it('of anything else than what we asked for makes no series of its own', async () => {
    for (const resource of ['a', 'b', 'c']) reviewed(resource, 'allowed', 'SecretKnown');
    expect(await samples('admission_requests_total')).toEqual([
      'admission_requests_total{resource="unknown",decision="allowed",reason="SecretKnown"} 3',
    ]);
  });

  it('that cannot be read is counted, too', async () => {
    reporter.webhook.unreadableReview('the body is not JSON');
    expect(await samples('admission_requests_total')).toEqual([
      'admission_requests_total{resource="unknown",decision="refused",reason="Unreadable"} 1',
    ]);
  });
});

describe('what else happens', () => {
  it('to pull Secrets is counted by the reason', async () => {
    reporter.objects.pullSecretWritten('a', 'Renewed');
    reporter.objects.pullSecretWritten('b', 'Deleted');
    expect(await samples('pull_secret_writes_total')).toEqual([
      'pull_secret_writes_total{reason="Renewed"} 1',
      'pull_secret_writes_total{reason="Deleted"} 1',
    ]);
  });

  it('to a Secret of somebody else is said where its owner looks', () => {
    reporter.objects.pullSecretForeign({ namespace: 'team-a', name: 'pull' }, 'Immutable');
    expect(events).toMatchObject([
      {
        subject: { kind: 'Secret', namespace: 'team-a', name: 'pull' },
        note: { type: 'Warning', reason: 'ForeignPullSecret', message: expect.stringContaining('immutable') as string },
      },
    ]);
  });

  it('to what the configuration refers to, or has too much of, is said on the ConfigMap', () => {
    reporter.configuration.extraAuthsUnusable('hub', 'Missing');
    reporter.configuration.extraAuthsUndecodable('hub', ['a.example.com', 'https://me:hunter2@b.example.com']);
    reporter.credentials.loginsLeftOut([{ key: 'cri-a#6', domain: 'a.example.com' }]);
    reporter.configuration.officialComponentRuns({ namespace: 'kube-system', name: 'helper' });
    expect(events).toMatchObject([
      { note: { type: 'Warning', reason: 'ExtraAuthsUnusable', message: expect.stringContaining('hub') as string } },
      {
        note: {
          type: 'Warning',
          reason: 'ExtraAuthsUnusable',
          message: expect.stringMatching(/^(?!.*hunter2).*hub.*a\.example\.com.*b\.example\.com/) as string,
        },
      },
      {
        note: {
          type: 'Warning',
          reason: 'TooManyAccounts',
          message: expect.stringContaining('cri-a#6 on a.ex') as string,
        },
      },
      {
        note: {
          type: 'Warning',
          reason: 'OfficialComponentRunning',
          message: expect.stringContaining('kube-system/helper') as string,
        },
      },
    ]);
    expect(new Set(events.map(({ subject }) => `${subject.kind} ${subject.name}`))).toEqual(
      new Set(['ConfigMap acr-configuration']),
    );
  });

  it('to a configuration without registries is an Event that is no warning', () => {
    reporter.configuration.read({ kind: 'accepted', data: {}, personalByDefault: true, warnings: [] }, 'u');
    expect(events).toMatchObject([{ subject: { uid: 'u' }, note: { type: 'Normal', reason: 'PersonalByDefault' } }]);
  });

  it('to all at once, by the annotation, is a line', () => {
    reporter.configuration.paused(true);
    reporter.configuration.paused(false);
    expect(logged().map(({ level, msg }) => `${String(level)} ${String(msg)}`)).toEqual([
      'warn paused: nothing is written until the annotation goes',
      'warn at work again',
    ]);
  });

  it('to ServiceAccounts is counted by the reason', async () => {
    reporter.objects.serviceAccountPatched({ namespace: 'a', name: 'b' }, 'Attached');
    expect(await samples('service_account_patches_total')).toEqual([
      'service_account_patches_total{reason="Attached"} 1',
    ]);
  });

  it('to certificates is a line', () => {
    reporter.webhook.certificate({ kind: 'written', certificate: 'ca', reason: 'Missing', expiresAt: 5_000 });
    reporter.webhook.certificate({ kind: 'problem', reason: 'Unreadable', detail: 'no such file' });
    expect(logged()).toMatchObject([{ level: 'info' }, { level: 'error', reason: 'Unreadable' }]);
  });

  it('to watches is counted by the resource', async () => {
    reporter.watchRestarted('secrets', new KubeApiError('late', { code: 'Timeout', status: 0, retryable: true }));
    expect(await samples('watch_restarts_total')).toEqual(['watch_restarts_total{resource="secrets"} 1']);
  });

  it('and is tried again is a line with the wait', () => {
    reporter.failed('pull Secret', 'team-a', new Error('no'), 500);
    expect(logged()).toMatchObject([{ level: 'warn', what: 'pull Secret', key: 'team-a', retryInMs: 500 }]);
  });

  it('again and again by somebody else is a line and an Event that name the rival', () => {
    const object = { resource: resources.mutatingWebhookConfigurations, name: 'registration' };
    reporter.objects.contested(object, ['rival', 'other']);
    expect(logged()).toMatchObject([{ level: 'error', name: 'registration', managers: ['rival', 'other'] }]);
    const subject = { kind: 'MutatingWebhookConfiguration', name: 'registration' };
    expect(events).toMatchObject([{ subject, note: { type: 'Warning', reason: 'Contested' } }]);
    expect(events[0]?.note.message).toContain('rival');
  });

  it('too late, as admission did not make it, is counted, and is an Event of the namespace', async () => {
    reporter.objects.missedInjection({ namespace: 'team-a', name: 'one' });
    reporter.objects.missedInjection({ namespace: 'team-a', name: 'two' });
    expect(await samples('missed_injections_total')).toEqual(['missed_injections_total{resource="serviceaccounts"} 2']);
    const subject = { kind: 'Namespace', name: 'team-a' };
    const note = { type: 'Warning', reason: 'MissedInjection', sameAs: 'team-a' };
    expect(events).toMatchObject([
      { subject, note },
      { subject, note },
    ]);
  });

  it('as a stale list of domains or a new registration is a line', () => {
    reporter.credentials.domainsNotListed('cri-a', new Error('no'));
    reporter.webhook.registrationWritten('Created');
    expect(logged()).toMatchObject([
      { level: 'warn', registry: 'cri-a' },
      { level: 'info', change: 'Created' },
    ]);
  });
});

it('a listed namespace that is not there is a line and an Event, one for each', () => {
  for (const namespace of ['team-a', 'team-b']) reporter.configuration.namespaceMissing(namespace);
  expect(logged()).toMatchObject([
    { level: 'warn', namespace: 'team-a' },
    { level: 'warn', namespace: 'team-b' },
  ]);
  expect(events).toMatchObject([
    { subject: { kind: 'ConfigMap' }, note: { type: 'Warning', reason: 'NamespaceMissing', sameAs: 'team-a' } },
    { note: { message: expect.stringContaining('namespace team-b of --namespaces') as string, sameAs: 'team-b' } },
  ]);
});
