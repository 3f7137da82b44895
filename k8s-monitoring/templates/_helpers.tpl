{{- define "pumpwatch.labels" -}}
app.kubernetes.io/name: pumpwatch-monitoring
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: pumpwatch
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* One TLS ingress; give a dict of root, name, component, service, port and settings. */}}
{{- define "pumpwatch.ingress" -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "pumpwatch.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
  annotations:
    # With other controllers these do nothing; the Pushgateway refuses a password-less push in any case.
    nginx.ingress.kubernetes.io/force-ssl-redirect: "true"
    nginx.ingress.kubernetes.io/proxy-body-size: 1m
    {{- with .settings.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  ingressClassName: {{ .settings.className }}
  tls:
    - hosts: [{{ .settings.host | quote }}]
      secretName: {{ .settings.tlsSecretName }}
  rules:
    - host: {{ .settings.host | quote }}
      http:
        paths:
          {{- range .paths }}
          - path: {{ . }}
            pathType: Prefix
            backend:
              service:
                name: {{ $.service }}
                port: {number: {{ $.port }}}
          {{- end }}
{{- end }}
