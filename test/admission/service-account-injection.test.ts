import { describe, expect, it } from 'vitest';
import { decideServiceAccount } from '../../src/admission/service-account-injection.ts';
import { admitted, serviceAccountRequest, viewWith } from '../builders/admission.ts';
import { serviceAccountAt } from '../builders/kube-objects.ts';

const reasonFor = (request = serviceAccountRequest(), view = viewWith()) => {
  const decision = decideServiceAccount(request, view);
  return decision.inject ? 'inject' : decision.reason;
};

const optedOut = serviceAccountAt('team-a/app', [], { labels: { 'acr-credential-injector/inject': 'false' } });
const going = serviceAccountAt('team-a/app', [], { deletionTimestamp: '2026-01-01T00:00:00Z' });

describe('a ServiceAccount', () => {
  it('is told the reference to append, and to what', () => {
    const request = serviceAccountRequest(serviceAccountAt('team-a/app', ['theirs']));
    expect(decideServiceAccount(request, viewWith())).toEqual({
      inject: true,
      listPath: '/imagePullSecrets',
      list: [{ name: 'theirs' }],
      missing: ['pull'],
    });
  });

  it.each([
    ['that opted out', optedOut, 'OptedOut'],
    ['that is being deleted', going, 'BeingDeleted'],
    ['that has the reference', serviceAccountAt('team-a/app', ['x', 'pull']), 'AlreadyReferenced'],
  ])('%s is let through', (_, object, reason) => {
    expect(reasonFor(serviceAccountRequest(object))).toBe(reason);
  });

  it('is selected by its name', () => {
    const view = viewWith({ selectsServiceAccount: (name) => name === 'default' });
    expect(reasonFor(serviceAccountRequest(serviceAccountAt('team-a/default')), view)).toBe('inject');
    expect(reasonFor(serviceAccountRequest(serviceAccountAt('team-a/app')), view)).toBe('NotATarget');
  });

  it('whose name the API server will make is selected only where all are', () => {
    const object = serviceAccountAt('team-a/', [], { name: undefined, generateName: 'app-' });
    expect(reasonFor(serviceAccountRequest(object))).toBe('inject');
    expect(
      reasonFor(serviceAccountRequest(object), viewWith({ selectsServiceAccount: (name) => name === 'app' })),
    ).toBe('NotATarget');
  });
});

describe('an UPDATE', () => {
  const update = (fieldManager: string, before?: string[]) =>
    serviceAccountRequest(serviceAccountAt('team-a/app', ['theirs']), {
      operation: 'UPDATE',
      fieldManager,
      oldObject: before && admitted(serviceAccountAt('team-a/app', before)),
    });

  it('that drops the entry gets it back', () => {
    expect(reasonFor(update('helm', ['theirs', 'pull']))).toBe('inject');
  });

  it('of ours that takes the entry away passes', () => {
    expect(reasonFor(update('acr-credential-injector', ['theirs', 'pull']))).toBe('OwnDetach');
  });

  it('of ours that asks for the entry gets it', () => {
    expect(reasonFor(update('acr-credential-injector', ['theirs']))).toBe('inject');
  });
});

it.each([
  ['null', null],
  ['a text', 'pull'],
  ['something else than references', [null, 1, 'pull', { name: 1 }]],
])('a list that is %s does no harm', (_, imagePullSecrets) => {
  const object = { ...admitted(serviceAccountAt('team-a/app')), imagePullSecrets };
  expect(reasonFor(serviceAccountRequest(undefined, { object }))).toBe('inject');
});
