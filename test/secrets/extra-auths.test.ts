import { beforeEach, describe, expect, it } from 'vitest';
import type { Secret } from '../../src/kube/objects.ts';
import { ExtraAuths } from '../../src/secrets/extra-auths.ts';
import { secretAt } from '../builders/kube-objects.ts';

let secrets: Map<string, Secret | undefined>;
let names: string[];
let unusable: string[];
let change: () => void;
let extraAuths: ExtraAuths;

beforeEach(() => {
  secrets = new Map();
  names = [];
  unusable = [];
  extraAuths = new ExtraAuths({
    secrets: {
      get: (name) => secrets.get(name),
      isSettled: (name) => secrets.has(name),
      onChange: (listener) => (change = () => listener('any')),
    },
    names: () => names,
    onUnusable: (name, reason) => unusable.push(`${name} ${reason}`),
    onUndecodable: (name, keys) => unusable.push(`${name} ${keys.join(',')}`),
  });
});

const [one, two] = [btoa('user:1'), btoa('user:2')];
const holding = (text: string) =>
  secretAt('acr/x', { data: { '.dockerconfigjson': Buffer.from(text).toString('base64') } });
const auths = (entries: object) => holding(JSON.stringify({ auths: entries }));

describe('entries that somebody else keeps', () => {
  it('are those of all the Secrets, the first that has a key winning', () => {
    secrets.set('one', auths({ a: { auth: one }, b: { auth: one } }));
    secrets.set('two', auths({ b: { auth: two }, c: { auth: two } }));
    names = ['one', 'two'];
    expect(extraAuths.current()).toEqual({
      auths: { a: { auth: one }, b: { auth: one }, c: { auth: two } },
      isSettled: true,
    });
    expect(unusable).toEqual([]);
  });

  it('are the same object until something changes', () => {
    secrets.set('one', auths({ a: {} }));
    names = ['one'];
    const before = extraAuths.current();
    secrets.set('one', auths({ b: {} }));
    expect(extraAuths.current()).toBe(before);
    change();
    expect(Object.keys(extraAuths.current().auths)).toEqual(['b']);
    names = [];
    expect(extraAuths.current().auths).toEqual({});
  });

  it('are not all known until each Secret is, and a Secret that is not known is not called missing', () => {
    secrets.set('one', auths({ a: {} }));
    names = ['one', 'two'];
    expect(extraAuths.current()).toEqual({ auths: { a: {} }, isSettled: false });
    expect(unusable).toEqual([]);
  });

  it.each<[string, Secret | undefined, string]>([
    ['is missing', undefined, 'Missing'],
    ['has no such key', secretAt('acr/x', { data: { other: '' } }), 'NoDockerConfig'],
    ['is no JSON', holding('{"auths"'), 'NoDockerConfig'],
    ['has no auths', holding('{"auths":[]}'), 'NoDockerConfig'],
    ['is null', holding('null'), 'NoDockerConfig'],
    [
      'is one of our own',
      { ...auths({ a: {} }), metadata: { labels: { 'app.kubernetes.io/managed-by': 'acr-credential-injector' } } },
      'Own',
    ],
  ])('say so when a Secret %s, and the others count all the same', (_, secret, reason) => {
    secrets.set('bad', secret);
    secrets.set('good', auths({ a: {} }));
    names = ['bad', 'good'];
    expect(extraAuths.current()).toEqual({ auths: { a: {} }, isSettled: true });
    expect(unusable).toEqual([`bad ${reason}`]);
  });

  it('leave out what kubelet could not decode, for it would lose every other login with it, and say whose it is', () => {
    secrets.set('one', auths({ a: { auth: one }, b: 'text', c: null, d: [], e: { auth: 'x' }, f: { password: 5 } }));
    secrets.set('two', auths({ e: { auth: two } }));
    names = ['one', 'two'];
    expect(extraAuths.current().auths).toEqual({ a: { auth: one }, e: { auth: two } });
    expect(unusable).toEqual(['one b,c,d,e,f']);
  });
});
