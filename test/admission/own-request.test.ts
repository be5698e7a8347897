import { expect, it } from 'vitest';
import { isOwnRequest, isSelfTest } from '../../src/admission/own-request.ts';
import { serviceAccountRequest } from '../builders/admission.ts';
import { serviceAccountAt } from '../builders/kube-objects.ts';

const ours = { fieldManager: 'acr-credential-injector' };
const labelled = serviceAccountAt('own/self-test', [], { labels: { 'acr-credential-injector/self-test': 'x' } });

it('a request is our own when our field manager wrote it', () => {
  expect(isOwnRequest(serviceAccountRequest(undefined, ours))).toBe(true);
  expect(isOwnRequest(serviceAccountRequest(undefined, { fieldManager: 'helm' }))).toBe(false);
});

it('a request is a self-test when it is our own, a dry run, and of an object with the label', () => {
  expect(isSelfTest(serviceAccountRequest(labelled, { ...ours, dryRun: true }))).toBe(true);
  expect(isSelfTest(serviceAccountRequest(labelled, { ...ours, dryRun: false }))).toBe(false);
  expect(isSelfTest(serviceAccountRequest(labelled, { fieldManager: 'helm', dryRun: true }))).toBe(false);
  expect(isSelfTest(serviceAccountRequest(undefined, { ...ours, dryRun: true }))).toBe(false);
});
