import { EnvHttpProxyAgent, request, type Dispatcher } from 'undici';
import type { Probe } from './api-endpoint.ts';

export type CloudDispatcher = Dispatcher;

/**
 * Carries the calls of the cloud's APIs: through the proxy that `HTTPS_PROXY` names, except to the hosts that `NO_PROXY` lists.
 * The names in lower case win, as they do with curl.
 *
 * @param options.ca PEM, to be trusted instead of what Node trusts: for tests.
 * @throws Error when that is no URL.
 */
export function cloudDispatcher(
  environment: Readonly<Record<string, string | undefined>>,
  options: { ca?: string } = {},
): Dispatcher {
  const valueOf = (name: string) => environment[name.toLowerCase()] ?? environment[name] ?? '';
  const tls = options.ca === undefined ? {} : { connect: { ca: options.ca }, requestTls: { ca: options.ca } };
  // Empty and not absent, or undici would look into the process's own environment.
  return new EnvHttpProxyAgent({
    ...tls,
    httpProxy: '',
    httpsProxy: proxyUrl(valueOf('HTTPS_PROXY')),
    noProxy: valueOf('NO_PROXY'),
  });
}

/** Many write `proxy:3128`. The text may hold a password, and is not repeated. */
function proxyUrl(text: string): string {
  if (text === '') return '';
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url === null) throw new Error('HTTPS_PROXY is no URL; write one such as http://proxy.example.com:3128');
  return url.href;
}

/**
 * Asks hosts for their head, on the way that calls take: any answer will do. Outside a VPC its hosts resolve, but packets to them
 * vanish: the time limit is what tells.
 */
export function probeThrough(dispatcher: Dispatcher, timeoutMs = 1500): Probe {
  return async (host) => {
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const { body } = await request(`https://${host}/`, { method: 'HEAD', dispatcher, signal, reset: true });
      await body.dump();
      return true;
    } catch {
      return false;
    }
  };
}
