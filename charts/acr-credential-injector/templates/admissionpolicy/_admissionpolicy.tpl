{{- /*
What RBAC grants by name says more than is meant: a Secret can become another identity's token, a ServiceAccount's list somebody else's, the
webhook registration one for every request. Where the API server can tell one write from another, the service is held to what it is for, whoever
uses its identity. That of the clean-up, which is there for its Job alone, is not.
*/}}
{{- define "acr-credential-injector.hasAdmissionPolicies" -}}
{{- if and .Values.admissionPolicy.enabled (not .Values.namespaces) (.Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy") -}}
true
{{- end }}
{{- end }}

{{- /* Of the requests that a policy sees: those that the service makes. */}}
{{- define "acr-credential-injector.ownRequests" -}}
- name: own-requests
  expression: request.userInfo.username == 'system:serviceaccount:{{ .Release.Namespace }}:{{ include "acr-credential-injector.name" . }}'
{{- end }}

{{- /* Puts a policy in force; `policy` is what its name ends in. */}}
{{- define "acr-credential-injector.policyBinding" }}
{{- $name := printf "%s-%s" (include "acr-credential-injector.name" .root) .policy }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ $name | quote }}
  labels: {{- include "acr-credential-injector.labels" .root | nindent 4 }}
spec:
  policyName: {{ $name | quote }}
  validationActions: [Deny]
{{- end }}

{{- /* Where the service runs outside the cluster, what the API server calls instead of its Service: the flag's last value, else the variable's. */}}
{{- define "acr-credential-injector.webhookUrl" -}}
{{- $url := "" }}
{{- range .Values.extraEnv }}
{{- if eq .name "ACR_INJECTOR_WEBHOOK_URL" }}
{{- $url = .value | default "" }}
{{- end }}
{{- end }}
{{- $words := splitList "\n" (join "\n" .Values.extraArgs | replace "--webhook-url=" "--webhook-url\n") }}
{{- range $index, $word := $words }}
{{- if eq $word "--webhook-url" }}
{{- $url = index (append $words "") (add1 $index) | default $url }}
{{- end }}
{{- end }}
{{- $url }}
{{- end }}
