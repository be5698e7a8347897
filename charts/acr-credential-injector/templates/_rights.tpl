{{- /* What the service does in the namespaces that it serves. By name, so that no other Secret can be read; server-side apply creates
under these rights, too. */}}
{{- define "acr-credential-injector.targetRights" -}}
- apiGroups: ['']
  resources: [serviceaccounts]
  verbs: [get, list, watch, patch]
- apiGroups: ['']
  resources: [secrets]
  resourceNames: {{- include "acr-credential-injector.pullSecretNames" . | nindent 4 }}
  verbs: [list, watch, create, patch, delete]
{{- end }}

{{- define "acr-credential-injector.eventRights" -}}
- apiGroups: ['']
  resources: [events]
  verbs: [create]
{{- end }}
