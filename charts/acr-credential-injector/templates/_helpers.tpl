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

{{- /* Further ones are for further accounts on one domain. */}}
{{- define "acr-credential-injector.pullSecretNames" -}}
- {{ .Values.secretName | quote }}
{{- range $number := list 2 3 4 5 }}
- {{ printf "%s-%d" $.Values.secretName $number | quote }}
{{- end }}
{{- end }}

{{- /* The Secrets that the service keeps for itself: its tokens, and the CA of the certificates that it makes. */}}
{{- define "acr-credential-injector.ownSecretNames" -}}
- acr-credential-injector-tokens
{{- if not (or .Values.namespaces (include "acr-credential-injector.tlsSecret" .)) }}
- acr-credential-injector-ca
{{- end }}
{{- end }}

{{- /* The Secret with somebody else's serving certificate; empty: the service makes its own, or has no webhook to serve. */}}
{{- define "acr-credential-injector.tlsSecret" -}}
{{- with .Values }}
{{- if and .certManager.enabled .tls.existingSecret }}
{{- fail "either certManager.enabled or tls.existingSecret: the certificate comes from one of them" }}
{{- else if not .namespaces }}
{{- .certManager.enabled | ternary (include "acr-credential-injector.name" $ | printf "%s-tls") .tls.existingSecret }}
{{- end }}
{{- end }}
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

{{- /* The container's resources, as texts: Kubernetes 1.20 takes no number that is applied on the server's side. */}}
{{- define "acr-credential-injector.resources" -}}
{{- range $kind, $quantities := .Values.resources }}
{{- with $quantities }}
{{ $kind }}:
  {{- range $name, $quantity := . }}
  {{ $name }}: {{ include "acr-credential-injector.quantity" $quantity | quote }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Helm takes whole numbers for floating-point ones, and would write large ones with an exponent. */}}
{{- define "acr-credential-injector.quantity" -}}
{{- if kindIs "float64" . }}
{{- ternary (int64 .) . (eq (floor .) .) }}
{{- else }}
{{- . }}
{{- end }}
{{- end }}

{{- /* Where a Pod may run, and the Secrets that its image is pulled with. */}}
{{- define "acr-credential-injector.placement" -}}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- range $field := list "imagePullSecrets" "nodeSelector" "tolerations" "affinity" }}
{{- with index $.Values $field }}
{{ $field }}: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- /* 60 % of a quantity of memory, in MiB. */}}
{{- define "acr-credential-injector.heapMiB" -}}
{{- $bytes := dict "" 1 "m" 1e-3 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 }}
{{- $bytes = merge $bytes (dict "Ki" 1024 "Mi" 0x1p20 "Gi" 0x1p30 "Ti" 0x1p40 "Pi" 0x1p50 "Ei" 0x1p60) }}
{{- $text := include "acr-credential-injector.quantity" . }}
{{- $unit := regexFind "([KMGTPE]i|[mkMGTPE])?$" $text }}
{{- $heap := divf (mulf (trimSuffix $unit $text | float64) (index $bytes $unit) 0.6) 0x1p20 | floor | int64 }}
{{- if lt $heap 32 }}
{{- fail (printf "resources.limits.memory: %q is too little to start with; it is in bytes unless it ends in Mi or the like" $text) }}
{{- end }}
{{- $heap }}
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
