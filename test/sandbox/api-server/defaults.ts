import { asMap, asMaps, asText } from './api-object.ts';
import type { ApiObject, JsonMap } from './api-object.ts';

type SetDefaults = (object: ApiObject) => void;

/** Fills in the defaults of an object's kind, as decoding does in the API server. */
export function setDefaults(object: ApiObject): void {
  setters[object.kind]?.(object);
}

const setters: Record<string, SetDefaults> = {
  Secret: (object) => {
    fill(object, { type: 'Opaque' });
  },
  Namespace: (object) => {
    object.status ??= { phase: 'Active' };
  },
  Pod: (object) => {
    setPodDefaults((object.spec = asMap(object.spec)));
  },
  Deployment: setDeploymentDefaults,
  ReplicaSet: (object) => {
    fill((object.spec = asMap(object.spec)), { replicas: 1 });
  },
  MutatingWebhookConfiguration: setWebhookDefaults,
  ValidatingWebhookConfiguration: setWebhookDefaults,
};

function fill(target: JsonMap, defaults: JsonMap): void {
  for (const [field, value] of Object.entries(defaults)) target[field] ??= value;
}

function setPodDefaults(spec: JsonMap): void {
  fill(spec, {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
    enableServiceLinks: true,
  });
  if (spec.serviceAccountName !== undefined) spec.serviceAccount = spec.serviceAccountName;
  else if (spec.serviceAccount !== undefined) spec.serviceAccountName = spec.serviceAccount;
  for (const container of [...asMaps(spec.containers), ...asMaps(spec.initContainers)]) {
    fill(container, {
      resources: {},
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
      imagePullPolicy: pullPolicyOf(asText(container.image)),
    });
    for (const port of asMaps(container.ports)) fill(port, { protocol: 'TCP' });
  }
}

function pullPolicyOf(image: string): string {
  const afterHost = image.slice(image.lastIndexOf('/') + 1);
  const hasTag = /[:@]/.test(afterHost) && !afterHost.endsWith(':latest');
  return hasTag ? 'IfNotPresent' : 'Always';
}

function setDeploymentDefaults(object: ApiObject): void {
  const spec = (object.spec = asMap(object.spec));
  fill(spec, {
    replicas: 1,
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
  });
  const template = (spec.template = asMap(spec.template));
  template.metadata = asMap(template.metadata);
  setPodDefaults((template.spec = asMap(template.spec)));
}

function setWebhookDefaults({ kind, webhooks }: ApiObject): void {
  for (const webhook of asMaps(webhooks)) {
    fill(webhook, {
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      namespaceSelector: {},
      objectSelector: {},
      timeoutSeconds: 10,
      ...(kind === 'MutatingWebhookConfiguration' && { reinvocationPolicy: 'Never' }),
    });
    for (const rule of asMaps(webhook.rules)) fill(rule, { scope: '*' });
    const { service } = asMap(webhook.clientConfig);
    if (service !== undefined) fill(asMap(service), { port: 443 });
  }
}
