import { CertificateFiles } from '../certificates/certificate-files.ts';
import type { CertificateNotice } from '../certificates/certificate-source.ts';
import { kubeCaStore } from '../certificates/kube-ca-store.ts';
import { SelfManagedCertificates } from '../certificates/self-managed-certificates.ts';
import { servingNames } from '../certificates/serving-names.ts';
import type { Trust } from '../certificates/trust.ts';
import type { Clock } from '../clock.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { LoopGuard } from '../kube/loop-guard.ts';
import type { ServeOptions } from '../commands/serve-options.ts';
import type { Reporter } from '../telemetry/reporter.ts';

/** Makes what the webhook is served with: somebody else's certificate, or one of our own. */
export function createCertificates(
  { options, client, clock }: { options: ServeOptions; client: KubeClient; clock: Clock },
  parts: { reporter: Reporter; loopGuard: LoopGuard; trust: Trust; leads: () => boolean },
) {
  const { namespace, service, webhookUrl, tlsDir, caLifetimeMs, certificateLifetimeMs } = options;
  const { reporter, loopGuard, trust, leads } = parts;
  const report = (notice: CertificateNotice) => reporter.webhook.certificate(notice);
  if (tlsDir) return new CertificateFiles({ directory: tlsDir, clock, trust, report });
  return new SelfManagedCertificates({
    store: kubeCaStore({
      client,
      clock,
      namespace,
      onWatchRestart: (error) => reporter.watchRestarted('secrets', error),
    }),
    clock,
    namespace,
    names: servingNames({ service, namespace, webhookUrl }),
    caLifetimeMs,
    certificateLifetimeMs,
    leads,
    trust,
    loopGuard,
    report,
  });
}
