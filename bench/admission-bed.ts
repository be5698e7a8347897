import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeDevelopmentCertificates } from '../test/certificates/development-certificates.ts';
import { eventually } from '../test/contract/eventually.ts';
import { Child } from './child.ts';
import { endService, serviceIn, startCluster, webhookPortOf } from './cluster.ts';
import { ask } from './load/new-connections-load.ts';
import { REVIEWED_NAMESPACE, reviewRequest } from './load/review-request.ts';

export interface Server {
  port: number;
  pid: number;
}

/** The service with all that it decides by, and a server of the same key that does as little as possible. */
export interface AdmissionBed extends AsyncDisposable {
  service: Server;
  reference: Server;
}

/** @param program of the reference, in `references`. @param main the built service, if not this one's. */
export async function startAdmissionBed(program: string, main?: string): Promise<AdmissionBed> {
  await using started = new AsyncDisposableStack();
  const { path: tlsDir } = started.use(await mkdtempDisposable(join(tmpdir(), 'acr-credential-injector-bench-tls-')));
  await writeDevelopmentCertificates(tlsDir, ['127.0.0.1']);
  const cluster = started.use(await startCluster({ namespaces: [REVIEWED_NAMESPACE] }));
  const service = started.adopt(serviceIn(cluster.ready, { flags: { 'tls-dir': tlsDir }, main }), endService);
  await service.start();
  await service.ready();
  const port = await webhookPortOf(service);
  const answer = await steadyAnswer(port);
  const options = { tlsDir, answer };
  const reference = started.use(await Child.start<{ port: number }>(join('references', program), options));
  const parts = started.move();
  return {
    service: { port, pid: service.pid },
    reference: { port: reference.ready.port, pid: reference.pid },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Resolves to the answer to the captured Pod once it is a patch. */
async function steadyAnswer(port: number): Promise<string> {
  const request = await reviewRequest('Pod', 'close');
  return eventually(async () => {
    const answer = await ask(port, request);
    return answer.includes('"patch"') && !answer.includes('"warnings"') ? answer : undefined;
  });
}
