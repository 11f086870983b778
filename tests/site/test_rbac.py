"""Who may do what on a site's cluster, asked of its API server as `kubectl auth can-i` does: each right in both
directions."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from kubernetes import client, config
from running import Site

LABS = ("labs", "labs-baseline", "labs-privileged")
OTHERS = ("platform", "infrastructure", "auth", "messaging", "ingress", "kube-system", "default")
EVERYWHERE = ""
MANAGED = ("pods", "services", "persistentvolumeclaims", "secrets", "configmaps", "networkpolicies.networking.k8s.io")
WRITE = ("create", "patch", "delete")
READ = ("get", "list", "watch")


@dataclass(frozen=True)
class Who:
    """An account as the API server sees it after signing in."""

    user: str
    groups: tuple[str, ...]

    def __str__(self) -> str:
        return self.user.rsplit(":", 1)[-1]


WORKER = Who(
    "system:serviceaccount:infrastructure:lab-worker",
    ("system:serviceaccounts", "system:serviceaccounts:infrastructure"),
)
LAB_POD = Who("system:serviceaccount:labs:default", ("system:serviceaccounts", "system:serviceaccounts:labs"))
ADMIN = Who("olga", ("autolabs:platform-admins",))
DEVELOPER = Who("dima", ("autolabs:developers",))
SUPPORT = Who("sveta", ("autolabs:support",))
NOBODY = Who("stranger", ())

# Who, verbs, resources, namespaces: each combination is a question of its own.
ALLOWED = [
    (WORKER, READ + WRITE, MANAGED, LABS),
    (WORKER, ("get",), ("pods/log",), LABS),
    (WORKER, READ, ("events", "resourcequotas", "limitranges"), LABS),
    (WORKER, READ, ("nodes", "pods", "services"), (EVERYWHERE,)),
    (ADMIN, ("get", "create", "delete"), ("secrets", "pods", "namespaces", "nodes"), (EVERYWHERE,)),
    (ADMIN, ("create",), ("clusterrolebindings.rbac.authorization.k8s.io",), (EVERYWHERE,)),
    (DEVELOPER, READ, ("pods", "services", "configmaps", "events", "deployments.apps"), ("platform",)),
    (DEVELOPER, ("get",), ("pods/log",), ("platform",)),
    (SUPPORT, READ, ("pods", "services", "events", "persistentvolumeclaims"), LABS + OTHERS),
    (SUPPORT, ("get",), ("pods/log",), LABS + OTHERS),
    (SUPPORT, READ, ("nodes", "persistentvolumes", "storageclasses.storage.k8s.io"), (EVERYWHERE,)),
]
REFUSED = [
    (WORKER, WRITE, MANAGED, OTHERS),
    (WORKER, READ, ("secrets", "configmaps", "persistentvolumeclaims"), (*OTHERS, EVERYWHERE)),
    (WORKER, ("create",), ("pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers"), LABS),
    (WORKER, ("create", "patch"), ("serviceaccounts/token", "serviceaccounts", "resourcequotas", "limitranges"), LABS),
    (WORKER, ("create", "patch"), ("roles.rbac.authorization.k8s.io", "rolebindings.rbac.authorization.k8s.io"), LABS),
    (WORKER, ("create", "patch", "delete"), ("namespaces", "nodes", "persistentvolumes"), (EVERYWHERE,)),
    (WORKER, ("deletecollection",), MANAGED, LABS),
    (WORKER, ("impersonate",), ("users", "groups"), (EVERYWHERE,)),
    (LAB_POD, (*READ, *WRITE), ("pods", "secrets", "services"), LABS + OTHERS),
    (DEVELOPER, READ, ("secrets",), ("platform",)),
    (DEVELOPER, WRITE, ("pods", "configmaps"), ("platform",)),
    (DEVELOPER, ("create",), ("pods/exec",), ("platform",)),
    (DEVELOPER, READ, ("pods", "configmaps"), (*LABS, "infrastructure", "auth", EVERYWHERE)),
    (SUPPORT, READ, ("secrets",), (*LABS, *OTHERS, EVERYWHERE)),
    (SUPPORT, WRITE, ("pods", "services"), LABS + OTHERS),
    (SUPPORT, ("create",), ("pods/exec", "pods/portforward"), LABS),
    (NOBODY, READ, ("pods", "nodes", "secrets"), ("labs", EVERYWHERE)),
]


@pytest.fixture(scope="module")
def reviews(site: Site) -> client.AuthorizationV1Api:
    """The API that answers such questions, asked as the administrator."""
    return client.AuthorizationV1Api(config.new_client_from_config(str(site.kubeconfig)))


def can(reviews: client.AuthorizationV1Api, who: Who, verb: str, resource: str, namespace: str) -> bool:
    """Whether the API server would let `who` do it; `namespace` empty means in all of them."""
    named, _, subresource = resource.partition("/")
    name, _, group = named.partition(".")
    attributes = client.V1ResourceAttributes(
        verb=verb, resource=name, subresource=subresource, group=group, namespace=namespace
    )
    spec = client.V1SubjectAccessReviewSpec(
        user=who.user, groups=[*who.groups, "system:authenticated"], resource_attributes=attributes
    )
    answer = reviews.create_subject_access_review(client.V1SubjectAccessReview(spec=spec))
    return bool(answer.status.allowed)


def differing(reviews: client.AuthorizationV1Api, row: tuple[Who, ...], expected: bool) -> list[str]:
    """The questions of a row that the API server answers otherwise."""
    who, verbs, resources, namespaces = row
    return [
        f"{who} {verb} {resource} in {namespace or 'all namespaces'}"
        for verb in verbs
        for resource in resources
        for namespace in namespaces
        if can(reviews, who, verb, resource, namespace) is not expected
    ]


@pytest.mark.parametrize("row", ALLOWED, ids=lambda row: f"{row[0]}-{row[2][0]}-{row[3][0] or 'everywhere'}")
def test_is_allowed(reviews: client.AuthorizationV1Api, row: tuple[Who, ...]) -> None:
    assert differing(reviews, row, True) == []


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: f"{row[0]}-{row[2][0]}-{row[3][0] or 'everywhere'}")
def test_is_refused(reviews: client.AuthorizationV1Api, row: tuple[Who, ...]) -> None:
    assert differing(reviews, row, False) == []


def test_the_workers_kubeconfig_is_the_workers(site: Site) -> None:
    assert site.worker_kubeconfig.stat().st_mode & 0o777 == 0o600
    account = client.AuthenticationV1Api(config.new_client_from_config(str(site.worker_kubeconfig)))
    answer = account.create_self_subject_review(client.V1SelfSubjectReview())
    assert answer.status.user_info.username == WORKER.user
