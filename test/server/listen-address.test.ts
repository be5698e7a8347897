import { fastify, type FastifyInstance } from 'fastify';
import { describe, expect, it } from 'vitest';
import { listenOn, parseListenAddress } from '../../src/server/listen-address.ts';

describe('an address to listen on', () => {
  it.each([
    ['127.0.0.1:8443', { host: '127.0.0.1', port: 8443 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['[::]:8080', { host: '::', port: 8080 }],
    ['[fe80::1]:65535', { host: 'fe80::1', port: 65_535 }],
    [':8443', { host: '::', port: 8443 }],
  ])('is read from %s', (text, address) => {
    expect(parseListenAddress(text)).toEqual(address);
  });

  it.each(['', '8443', 'host', 'host:', '::1:80', '[::1]', '[]:80', 'host:65536', 'host:x', 'host:-1', 'a:b:1'])(
    'is none in "%s"',
    (text) => {
      expect(parseListenAddress(text)).toBeUndefined();
    },
  );
});

describe('a server', () => {
  it('tells where it listens', async () => {
    const server = fastify();
    expect(await listenOn(server, { host: '127.0.0.1', port: 0 })).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
    await server.close();
  });

  /** One of a machine without IPv6. */
  function serverWithout(code: string): { server: FastifyInstance; hosts: (string | undefined)[] } {
    const hosts: (string | undefined)[] = [];
    const listen = ({ host }: { host?: string }) => {
      hosts.push(host);
      const isRefused = host?.includes(':');
      return isRefused ? Promise.reject(Object.assign(new Error('no'), { code })) : Promise.resolve('http://there');
    };
    return { server: { listen } as unknown as FastifyInstance, hosts };
  }

  it('listens on every IPv4 address where there is no IPv6', async () => {
    const { server, hosts } = serverWithout('EAFNOSUPPORT');
    expect(await listenOn(server, { host: '::', port: 0 })).toBe('http://there');
    expect(hosts).toEqual(['::', '0.0.0.0']);
  });

  it('listens nowhere else than where it was told', async () => {
    await expect(listenOn(serverWithout('EAFNOSUPPORT').server, { host: '::1', port: 0 })).rejects.toThrow('no');
    await expect(listenOn(serverWithout('EADDRINUSE').server, { host: '::', port: 0 })).rejects.toThrow('no');
  });
});
