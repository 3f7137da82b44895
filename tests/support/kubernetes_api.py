"""A stand-in for an API server: what `kubectl` and `helm upgrade --dry-run=server` ask for."""

import json
from functools import partial
from urllib.parse import urlsplit

import yaml
from support.servers import Handler, served

from tools.install_monitoring import NEEDED

KINDS = {
    "v1": "ConfigMap Namespace PersistentVolumeClaim Secret Service ServiceAccount",
    "apps/v1": "DaemonSet Deployment",
    "networking.k8s.io/v1": "Ingress NetworkPolicy",
    "policy/v1": "PodDisruptionBudget",
    "external-secrets.io/v1": "ExternalSecret",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding Role RoleBinding",
}
PLURALS = {"Ingress": "ingresses", "NetworkPolicy": "networkpolicies"}
WITHOUT_NAMESPACE = {"Namespace", "ClusterRole", "ClusterRoleBinding"}


def _path(group):
    return f"/apis/{group}" if "/" in group else f"/api/{group}"


def _plural(kind):
    return PLURALS.get(kind, f"{kind.lower()}s")


def _discovery(version):
    """Return the documents that say what the server knows, by path."""
    groups = [
        {
            "name": group.partition("/")[0],
            "versions": [{"groupVersion": group, "version": "v1"}],
            "preferredVersion": {"groupVersion": group, "version": "v1"},
        }
        for group in KINDS
        if "/" in group
    ]
    documents = {
        "/version": {"major": "1", "minor": version[2:], "gitVersion": f"v{version}.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
        "/openapi/v3": {
            "paths": {
                _path(group)[1:]: {"serverRelativeURL": f"/openapi/v3{_path(group)}"}
                for group in KINDS
            }
        },
    }
    for group, kinds in KINDS.items():
        documents[_path(group)] = {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": group,
            "resources": [_resource(kind) for kind in kinds.split()],
        }
        documents[f"/openapi/v3{_path(group)}"] = {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": "v1"},
            "paths": {f"{_path(group)}/{kind}": _patch(group, kind) for kind in kinds.split()},
        }
    return documents


def _resource(kind):
    return {
        "name": _plural(kind),
        "singularName": kind.lower(),
        "namespaced": kind not in WITHOUT_NAMESPACE,
        "kind": kind,
        "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
    }


def _patch(group, kind):
    """Say that the server validates this kind itself: then Helm does not ask for schemas."""
    named = {"group": group.rpartition("/")[0], "version": "v1", "kind": kind}
    parameters = [{"name": "fieldValidation", "in": "query"}]
    return {"patch": {"parameters": parameters, "x-kubernetes-group-version-kind": named}}


class _Api(Handler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments, documents, asked, **options):
        self.documents, self.asked = documents, asked
        super().__init__(*arguments, **options)

    def do_GET(self):
        """Answer with a document; every other object is not there."""
        path = urlsplit(self.path).path
        self.asked.append(path)
        name = path.rpartition("/")[2]
        if path in self.documents:
            self._say(self.documents[path])
        elif name == "secrets":
            self._say({"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": []})
        else:
            reason = {"reason": "NotFound", "message": f"{name} not found", "code": 404}
            self._say({"kind": "Status", "apiVersion": "v1", "status": "Failure", **reason}, 404)

    def _say(self, document, status=200):
        self.answer(json.dumps(document), status, {"Content-Type": "application/json"}.items())


class Cluster:
    """A running stand-in: the file that `KUBECONFIG` names, its documents, what was asked for."""

    def __init__(self, config, version):
        self.config, self.asked, self.documents = config, [], _discovery(version)
        for name, keys in NEEDED.items():
            self.documents[self.secret(name)] = {
                "kind": "Secret",
                "apiVersion": "v1",
                "metadata": {"name": name, "namespace": "monitoring"},
                "data": dict.fromkeys(keys, "eA=="),
            }

    def secret(self, name):
        """Return the path of a Secret."""
        return f"/api/v1/namespaces/monitoring/secrets/{name}"

    def serve(self):
        """Serve until the block ends."""
        return served(partial(_Api, documents=self.documents, asked=self.asked))

    def point_to(self, address):
        """Write the file for kubectl and Helm."""
        described = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": f"http://{address}"}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "users": [{"name": "test", "user": {}}],
            "current-context": "test",
        }
        self.config.write_text(yaml.safe_dump(described))
