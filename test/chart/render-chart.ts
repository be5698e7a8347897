import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { helm, type CommandResult } from '../e2e/kubectl-tools.ts';

export const CHART = join(import.meta.dirname, '..', '..', 'charts', 'acr-credential-injector');

/** Any object that the chart renders, loosely. */
export interface Rendered {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  data?: Record<string, string>;
  spec?: unknown;
  rules?: PolicyRule[];
  roleRef?: { kind: string; name: string };
  subjects?: { kind: string; name: string; namespace: string }[];
}

export interface PolicyRule {
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
  verbs: string[];
}

export interface Container {
  image: string;
  args: string[];
  env: { name: string; value?: string; valueFrom?: { secretKeyRef?: { name: string; key: string } } }[];
  ports: { name: string; containerPort: number; protocol: string }[];
  livenessProbe: { httpGet: { path: string; port: string } };
  readinessProbe: { httpGet: { path: string; port: string } };
  resources?: object;
  securityContext: object;
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
}

export interface PodSpec {
  serviceAccountName: string;
  priorityClassName: string;
  terminationGracePeriodSeconds: number;
  hostNetwork?: boolean;
  securityContext: object;
  containers: [Container];
  volumes: ({ name: string } & Record<string, unknown>)[];
  topologySpreadConstraints?: { topologyKey: string }[];
}

export interface DeploymentSpec {
  replicas: number;
  strategy: object;
  selector: { matchLabels: Record<string, string> };
  template: { metadata: { labels: Record<string, string> }; spec: PodSpec };
}

export interface RenderOptions {
  values?: object;
  /** Helm's own when left out. */
  kubeVersion?: string;
  namespace?: string;
  /** What the API server is to have beside what Helm takes for granted. */
  apiVersions?: string[];
}

/** Has ValidatingAdmissionPolicy. */
export const modern = {
  kubeVersion: '1.36.0',
  apiVersions: ['admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy'],
} satisfies RenderOptions;

/** What `helm template` says; a refusal is a result. */
export function template(options: RenderOptions = {}): Promise<CommandResult> {
  const { values = {}, kubeVersion, namespace = 'acr', apiVersions = [] } = options;
  const version = kubeVersion === undefined ? [] : ['--kube-version', kubeVersion];
  const has = apiVersions.flatMap((apiVersion) => ['--api-versions', apiVersion]);
  const args = ['template', 'injector', CHART, '--namespace', namespace, '--values', '-', ...version, ...has];
  return helm(args, { kubeconfig: '', input: JSON.stringify(values) });
}

/** The objects of the release itself. */
export async function render(options: RenderOptions = {}): Promise<Rendered[]> {
  return (await renderAll(options)).filter((object) => hookOf(object) === undefined);
}

/** The objects of `helm test`. */
export async function renderTests(options: RenderOptions = {}): Promise<Rendered[]> {
  return (await renderAll(options)).filter((object) => hookOf(object) === 'test');
}

/** The objects that there are after `helm uninstall`, for a while. */
export async function renderCleanup(options: RenderOptions = {}): Promise<Rendered[]> {
  return (await renderAll(options)).filter((object) => hookOf(object) === 'post-delete');
}

async function renderAll(options: RenderOptions): Promise<Rendered[]> {
  const { stdout, stderr, code } = await template(options);
  if (code !== 0) throw new Error(stderr);
  return loadAll(stdout).filter((document) => document !== null) as Rendered[];
}

function hookOf({ metadata: { annotations } }: Rendered): string | undefined {
  return annotations?.['helm.sh/hook'];
}

/** The one object of that kind. */
export function only(objects: readonly Rendered[], kind: string): Rendered {
  const [found, ...others] = objects.filter((object) => object.kind === kind);
  if (!found || others.length > 0) throw new Error(`${found ? others.length + 1 : 0} objects of kind ${kind}`);
  return found;
}

export interface JobSpec {
  backoffLimit: number;
  activeDeadlineSeconds: number;
  template: { metadata: { labels: Record<string, string> }; spec: PodSpec & { restartPolicy: string } };
}

export function jobOf(objects: readonly Rendered[]): JobSpec {
  return only(objects, 'Job').spec as JobSpec;
}

/** The flags of rendered arguments such as `--secret-name=pull`, by name; the command before them is left out. */
export function flagsOf([, ...args]: readonly string[]): Record<string, string> {
  return Object.fromEntries(args.map((arg) => [arg.slice(2, arg.indexOf('=')), arg.slice(arg.indexOf('=') + 1)]));
}

export function deploymentOf(objects: readonly Rendered[]): DeploymentSpec {
  return only(objects, 'Deployment').spec as DeploymentSpec;
}

export function containerOf(objects: readonly Rendered[]): Container {
  return deploymentOf(objects).template.spec.containers[0];
}
