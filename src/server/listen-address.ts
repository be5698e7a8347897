import type { FastifyInstance } from 'fastify';

export interface ListenAddress {
  host: string;
  /** 0: any free one. */
  port: number;
}

/** Reads `host:port`, `[v6]:port` or `:port` (every address); undefined when the text is none of these. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:[\]]*)):(?<port>\d{1,5})$/.exec(text);
  if (!match?.groups) return undefined;
  const { bracketed, plain, port } = match.groups;
  if (Number(port) > 65_535) return undefined;
  return { host: bracketed ?? (plain === undefined || plain === '' ? '::' : plain), port: Number(port) };
}

/** Starts listening; on a machine without IPv6, "every address" means every IPv4 address. @returns the URL. */
export async function listenOn(
  server: Pick<FastifyInstance, 'listen'>,
  { host, port }: ListenAddress,
): Promise<string> {
  try {
    return await server.listen({ host, port });
  } catch (error) {
    const hasNoIpv6 = host === '::' && (error as NodeJS.ErrnoException).code === 'EAFNOSUPPORT';
    if (!hasNoIpv6) throw error;
    return await server.listen({ host: '0.0.0.0', port });
  }
}
