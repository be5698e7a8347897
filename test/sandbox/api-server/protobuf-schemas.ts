/** How a field is read: `texts` and `[schema]` repeat, maps have text keys. */
export type FieldType = 'text' | 'int' | 'bool' | 'texts' | 'textMap' | 'bytesMap' | Schema | [Schema];

/** The fields of a message by their number: the JSON name and the type. What is left out is skipped. */
export type Schema = Record<number, FieldSchema>;
type FieldSchema = [name: string, type: FieldType];

// Source: generated.proto of k8s.io/api and k8s.io/apimachinery; what kubectl's and Helm's typed clients send.
const ownerReference: Schema = {
  1: ['kind', 'text'],
  3: ['name', 'text'],
  4: ['uid', 'text'],
  5: ['apiVersion', 'text'],
  6: ['controller', 'bool'],
  7: ['blockOwnerDeletion', 'bool'],
};
const objectMeta: Schema = {
  1: ['name', 'text'],
  2: ['generateName', 'text'],
  3: ['namespace', 'text'],
  5: ['uid', 'text'],
  6: ['resourceVersion', 'text'],
  11: ['labels', 'textMap'],
  12: ['annotations', 'textMap'],
  13: ['ownerReferences', [ownerReference]],
  14: ['finalizers', 'texts'],
};
const named: Schema = { 1: ['name', 'text'] };
const labelSelector: Schema = {
  1: ['matchLabels', 'textMap'],
  2: ['matchExpressions', [{ 1: ['key', 'text'], 2: ['operator', 'text'], 3: ['values', 'texts'] }]],
};
const container: Schema = {
  1: ['name', 'text'],
  2: ['image', 'text'],
  3: ['command', 'texts'],
  4: ['args', 'texts'],
  5: ['workingDir', 'text'],
  6: ['ports', [{ 1: ['name', 'text'], 3: ['containerPort', 'int'], 4: ['protocol', 'text'] }]],
  7: ['env', [{ 1: ['name', 'text'], 2: ['value', 'text'] }]],
  14: ['imagePullPolicy', 'text'],
};
const podSpec: Schema = {
  2: ['containers', [container]],
  3: ['restartPolicy', 'text'],
  4: ['terminationGracePeriodSeconds', 'int'],
  6: ['dnsPolicy', 'text'],
  7: ['nodeSelector', 'textMap'],
  8: ['serviceAccountName', 'text'],
  15: ['imagePullSecrets', [named]],
  20: ['initContainers', [container]],
};
const podTemplate: Schema = { 1: ['metadata', objectMeta], 2: ['spec', podSpec] };
const deploymentSpec: Schema = {
  1: ['replicas', 'int'],
  2: ['selector', labelSelector],
  3: ['template', podTemplate],
  6: ['revisionHistoryLimit', 'int'],
  9: ['progressDeadlineSeconds', 'int'],
};

export const schemasByKind: Record<string, Schema> = {
  Namespace: { 1: ['metadata', objectMeta] },
  ServiceAccount: {
    1: ['metadata', objectMeta],
    2: ['secrets', [{ 3: ['name', 'text'] }]],
    3: ['imagePullSecrets', [named]],
    4: ['automountServiceAccountToken', 'bool'],
  },
  Secret: {
    1: ['metadata', objectMeta],
    2: ['data', 'bytesMap'],
    3: ['type', 'text'],
    4: ['stringData', 'textMap'],
    5: ['immutable', 'bool'],
  },
  ConfigMap: {
    1: ['metadata', objectMeta],
    2: ['data', 'textMap'],
    3: ['binaryData', 'bytesMap'],
    4: ['immutable', 'bool'],
  },
  Pod: podTemplate,
  Deployment: { 1: ['metadata', objectMeta], 2: ['spec', deploymentSpec] },
  DeleteOptions: {
    1: ['gracePeriodSeconds', 'int'],
    2: ['preconditions', { 1: ['uid', 'text'], 2: ['resourceVersion', 'text'] }],
    4: ['propagationPolicy', 'text'],
    5: ['dryRun', 'texts'],
  },
};
