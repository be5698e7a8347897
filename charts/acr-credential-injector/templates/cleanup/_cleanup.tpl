{{- /* A Job's name ends up in a label of its Pods: 63 characters. */}}
{{- define "acr-credential-injector.cleanupName" -}}
{{ include "acr-credential-injector.name" . | trunc 55 | trimSuffix "-" }}-cleanup
{{- end }}

{{- /* Nothing of a clean-up stays, and what failed is what Helm shows. But where one of these cannot be made, in a namespace that is gone for
example, Helm leaves those before it; the next clean-up begins with their removal. Helm 3 leaves those before a Job that failed, too. */}}
{{- define "acr-credential-injector.cleanupHook" -}}
helm.sh/hook: post-delete
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded,hook-failed
{{- end }}

{{- define "acr-credential-injector.cleanupLabels" -}}
{{ include "acr-credential-injector.labels" . }}
app.kubernetes.io/component: cleanup
{{- end }}

{{- /* What is looked for and taken away in the namespaces that the service served. */}}
{{- define "acr-credential-injector.cleanupTargetRights" -}}
- apiGroups: ['']
  resources: [serviceaccounts]
  verbs: [get, list, patch]
- apiGroups: ['']
  resources: [secrets]
  resourceNames: {{- include "acr-credential-injector.pullSecretNames" . | nindent 4 }}
  verbs: [list, delete]
{{- end }}
