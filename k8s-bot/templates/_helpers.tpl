{{/* Alerts of k8s-monitoring know a bot by how its name begins. */}}
{{- define "bot.name" -}}
{{- if hasPrefix "pumpwatch-bot" .Release.Name }}{{ .Release.Name }}{{ else }}pumpwatch-bot-{{ .Release.Name }}{{ end }}
{{- end }}

{{- define "bot.selector" -}}
app.kubernetes.io/name: pumpwatch-bot
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "bot.labels" -}}
{{ include "bot.selector" . }}
app.kubernetes.io/component: bot
app.kubernetes.io/part-of: pumpwatch
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "bot.claim" -}}
{{ .Values.storage.existingClaim | default (include "bot.name" .) }}
{{- end }}

{{/* A number in a file of values is a float: 12345678 would become 1.2345678e+07. */}}
{{- define "bot.uid" -}}
{{ if kindIs "string" .Values.confirm }}{{ .Values.confirm }}{{ else }}{{ int64 .Values.confirm }}{{ end }}
{{- end }}

{{- define "bot.settings" -}}
{{- range $name, $value := .Values.settings }}
{{ $name }} = {{ $value | toJson }}
{{- end }}
{{- end }}

{{/* What the schema cannot say with its reason. */}}
{{- define "bot.check" -}}
{{- if gt (int .Values.replicas) 1 }}
{{- fail (printf "replicas is %d, but a second bot on the same account would open each position again: 0 or 1" (int .Values.replicas)) }}
{{- end }}
{{- range $name, $_ := .Values.settings }}
{{- if regexMatch "api_key|api_secret|private_key|password|webhook$" $name }}
{{- fail (printf "settings.%s: anybody may read settings; secrets belong into a Secret, see keys and notify" $name) }}
{{- end }}
{{- if regexMatch "^(mode|trading_mode|strategy|live_trading_confirmation|key_file|keyring|store|metrics_(port|address))$" $name }}
{{- fail (printf "settings.%s: the chart sets it; see the values mode, strategy, confirm, keys and storage" $name) }}
{{- end }}
{{- end }}
{{- if and (ne .Values.mode "paper") (not .Values.keys.secretName) }}
{{- fail (printf "mode %s needs the account's keys: name their Secret in keys.secretName" .Values.mode) }}
{{- end }}
{{- if eq .Values.mode "live" }}
{{- if not (include "bot.uid" .) }}
{{- fail "mode live trades real money: confirm it with the account's UID in confirm (shown by Bybit under Account)" }}
{{- end }}
{{- if not .Values.strategy }}
{{- fail "mode live needs a strategy by name: alert, fade, ride or your own" }}
{{- end }}
{{- end }}
{{- end }}
