import { CertificateFiles } from './certificates/certificate-files.ts';
import { kubeCaStore } from './certificates/kube-ca-store.ts';
import { SelfManagedCertificates } from './certificates/self-managed-certificates.ts';
import { servingNames } from './certificates/serving-names.ts';
import type { Clock } from './clock.ts';
import type { Pause } from './config/pause.ts';
import type { KubeClient } from './kube/kube-client.ts';
import type { ServeOptions } from './options.ts';
import type { Reporter } from './telemetry/reporter.ts';

/** Makes what the webhook is served with: somebody else's certificate, or one of our own. */
export function createCertificates(
  { options, client, clock }: { options: ServeOptions; client: KubeClient; clock: Clock },
  { reporter, pause }: { reporter: Reporter; pause: Pick<Pause, 'isOn'> },
) {
  const { namespace, service, webhookUrl, tlsDir, caLifetimeMs, certificateLifetimeMs } = options;
  const report = reporter.certificate.bind(reporter);
  if (tlsDir) return new CertificateFiles({ directory: tlsDir, clock, report });
  return new SelfManagedCertificates({
    store: kubeCaStore(client, namespace),
    clock,
    namespace,
    names: servingNames({ service, namespace, webhookUrl }),
    caLifetimeMs,
    certificateLifetimeMs,
    leads: () => !pause.isOn,
    report,
  });
}
