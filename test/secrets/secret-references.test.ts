import { describe, expect, it } from 'vitest';
import { secretReferences, type KnownSecrets } from '../../src/secrets/secret-references.ts';
import { contentOf, desiredSecrets } from '../builders/content.ts';

const names = ['pull', 'pull-2', 'pull-3'];
const live = contentOf('token');
const known = (there: string[] = [], foreign: string[] = []): KnownSecrets => ({
  names,
  isKnown: (name) => there.includes(name),
  isForeign: (name) => foreign.includes(name),
});

describe('the pull Secrets that lists are to name', () => {
  it('are those that hold a token', () => {
    expect(secretReferences(desiredSecrets(live, live), known())).toEqual({
      attach: ['pull', 'pull-2'],
      keep: ['pull', 'pull-2'],
    });
  });

  it('are none before there is any token', () => {
    expect(secretReferences(desiredSecrets(undefined), known(['pull']))).toEqual({ attach: [], keep: ['pull'] });
  });

  it('are those, too, that are there and lack a token for now', () => {
    expect(secretReferences(desiredSecrets(live, undefined), known()).attach).toEqual(['pull']);
    expect(secretReferences(desiredSecrets(live, undefined), known(['pull-2'])).attach).toEqual(['pull', 'pull-2']);
    expect(secretReferences(desiredSecrets(undefined, live), known()).attach).toEqual(['pull-2']);
  });

  it('are none where the first is somebody else’s, and lack a further one that is', () => {
    expect(secretReferences(desiredSecrets(live, live), known([], ['pull'])).attach).toEqual([]);
    expect(secretReferences(desiredSecrets(live, live), known([], ['pull-2'])).attach).toEqual(['pull']);
  });

  it('may be all that a namespace could have, until it is certain which it needs', () => {
    expect(secretReferences({ ...desiredSecrets(live), isComplete: false }, known()).keep).toEqual(names);
  });
});
