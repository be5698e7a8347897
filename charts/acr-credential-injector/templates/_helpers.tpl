{{- define "acr-credential-injector.name" -}}
{{ .Values.fullnameOverride | default "acr-credential-injector" }}
{{- end }}

{{- define "acr-credential-injector.selectorLabels" -}}
app.kubernetes.io/name: acr-credential-injector
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: service
{{- end }}

{{- define "acr-credential-injector.labels" -}}
app.kubernetes.io/name: acr-credential-injector
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "acr-credential-injector.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* What the Pod Security Standard "restricted" asks of a Pod. */}}
{{- define "acr-credential-injector.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "acr-credential-injector.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- /* 60 % of a quantity of memory, in MiB. */}}
{{- define "acr-credential-injector.heapMiB" -}}
{{- $bytes := dict "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 }}
{{- $unit := regexFind "[kMG]i?$" (toString .) }}
{{- $number := trimSuffix $unit (toString .) | float64 }}
{{- divf (mulf $number (index $bytes $unit) 0.6) 1048576 | floor }}
{{- end }}

{{- /* The container's environment: what the chart sets, unless extraEnv does, and then extraEnv as it stands. */}}
{{- define "acr-credential-injector.env" -}}
{{- $ours := list (dict "name" "POD_NAMESPACE" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.namespace"))) }}
{{- $ours = append $ours (dict "name" "POD_NAME" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.name"))) }}
{{- with (.Values.resources.limits | default dict).memory }}
{{- $ours = append $ours (dict "name" "NODE_OPTIONS" "value" (printf "--max-old-space-size=%s" (include "acr-credential-injector.heapMiB" .))) }}
{{- end }}
{{- $theirs := list }}
{{- range .Values.extraEnv }}
{{- $theirs = append $theirs .name }}
{{- end }}
{{- $env := list }}
{{- range $ours }}
{{- if not (has .name $theirs) }}
{{- $env = append $env . }}
{{- end }}
{{- end }}
{{- concat $env (.Values.extraEnv | default list) | toYaml }}
{{- end }}
