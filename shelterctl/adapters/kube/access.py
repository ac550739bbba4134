"""How a kubeconfig context, or the pod that this runs in, reaches its API server.

A context with certificates or a token in files (minikube's own kind) is read here: importing the official client's models takes half a
second, and its kubeconfig reader cannot be had without them. Everything else (exec plug-ins, auth providers, embedded data, proxies) is
left to the official client.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shelterctl.adapters import kubeconfig
from shelterctl.errors import ContextError

if TYPE_CHECKING:
    import urllib3

#: The name that stands for the cluster of the pod that this runs in.
IN_CLUSTER = "in-cluster"
#: Where the kubelet puts a pod's ServiceAccount (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/).
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
#: Watches, their snapshots and the parallel requests of one command.
CONNECTIONS = 16
_CLUSTER_KEYS = {"server", "certificate-authority", "extensions"}
_USER_KEYS = {"client-certificate", "client-key", "token"}


@dataclass(frozen=True, slots=True)
class Access:
    """A pool of connections, the server's URL, and what gives the headers of a request (a token may be renewed)."""

    pool: urllib3.PoolManager
    host: str
    headers: Callable[[], Mapping[str, str]]


def open_access(context: str) -> Access:
    """Raises ContextError where the kubeconfig has no such context or it cannot be used."""
    if context == IN_CLUSTER and runs_in_a_pod():
        return _of_the_pod()
    return _static(context) or _by_client(context)


def runs_in_a_pod() -> bool:
    """Whether this is a pod with a ServiceAccount, and nobody gave it a kubeconfig."""
    named = any(path.is_file() for path in kubeconfig.files())
    return not named and bool(os.environ.get("KUBERNETES_SERVICE_HOST")) and (ACCOUNT / "token").is_file()


def context_names() -> list[str]:
    """The contexts of the kubeconfig; none where it cannot be read."""
    return sorted(name for kind, name in _all_entries() or () if kind == "context")


def has_context(name: str) -> bool:
    """Whether a kubeconfig file names such a context, usable or not."""
    return ("context", name) in (_all_entries() or {})


def client_for(context: str) -> Any:
    """The official client's ApiClient for a context. Raises ContextError."""
    from kubernetes.client import ApiClient, Configuration
    from kubernetes.config import ConfigException, list_kube_config_contexts, load_kube_config
    from kubernetes.config.incluster_config import InClusterConfigLoader
    from yaml import YAMLError

    # The client does not look at what it reads: a file that is no kubeconfig fails with whatever comes of it.
    unusable = (OSError, YAMLError, ValueError, TypeError, AttributeError, KeyError)
    configuration = Configuration()
    try:
        if context == IN_CLUSTER and runs_in_a_pod():
            # The token is read again as it is renewed.
            InClusterConfigLoader(str(ACCOUNT / "token"), str(ACCOUNT / "ca.crt")).load_and_set(configuration)
        else:
            load_kube_config(context=context, client_configuration=configuration)
    except (ConfigException, *unusable) as error:
        known: list[str] = []
        with suppress(ConfigException, *unusable):
            known = [str(item["name"]) for item in list_kube_config_contexts()[0]]
        raise ContextError(
            f"the kubeconfig has no usable context “{context}”",
            why=f"Known contexts: {', '.join(known)}." if known else f"No kubeconfig can be used: {error}",
            next_command="kubectl config get-contexts" if known else "minikube start",
        ) from error
    # A request that failed is told at once; who may try again knows it better than the transport.
    configuration.retries = False
    configuration.connection_pool_maxsize = CONNECTIONS
    configuration.socket_options = _keep_alive_options()
    return ApiClient(configuration)


def _of_the_pod() -> Access:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    address = f"[{host}]" if ":" in host else host

    def headers() -> Mapping[str, str]:
        # The kubelet writes a new one before the old one ends.
        return {"Authorization": f"Bearer {(ACCOUNT / 'token').read_text(encoding='utf-8').strip()}"}

    return Access(_pool(ca_certs=str(ACCOUNT / "ca.crt")), f"https://{address}:{port}", headers)


def _static(context: str) -> Access | None:
    """The access where files hold all of it; None where the official client must read the kubeconfig."""
    found = _entries(context)
    if found is None:
        return None
    cluster, user = found
    if not set(cluster) <= _CLUSTER_KEYS or not set(user) <= _USER_KEYS or not str(cluster.get("server", "")).startswith("https://"):
        return None
    headers = {"Authorization": f"Bearer {user['token']}"} if user.get("token") else {}
    files = {
        "ca_certs": cluster.get("certificate-authority"),
        "cert_file": user.get("client-certificate"),
        "key_file": user.get("client-key"),
    }
    pool = _pool(**{key: value for key, value in files.items() if value})
    return Access(pool, str(cluster["server"]).rstrip("/"), lambda: headers)


def _pool(**files: Any) -> urllib3.PoolManager:
    """Connections that a failed request is told on at once; `files` are what certificates there are."""
    import urllib3

    return urllib3.PoolManager(
        num_pools=2, maxsize=CONNECTIONS, retries=False, cert_reqs="CERT_REQUIRED", socket_options=_keep_alive_options(), **files
    )


def _keep_alive_options() -> list[tuple[int, int, int]]:
    """A watch may rightly be silent for minutes; the kernel notices within half a minute that nobody is at the other end."""
    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    wanted = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
    # Not every system lets them be chosen.
    return options + [(socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in wanted.items() if hasattr(socket, name)]


def _by_client(context: str) -> Access:
    client = client_for(context)

    def headers() -> Mapping[str, str]:
        found: dict[str, str] = {}
        client.update_params_for_auth(found, [], ["BearerToken"])
        return found

    return Access(client.rest_client.pool_manager, str(client.configuration.host).rstrip("/"), headers)


def _entries(context: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The context's cluster and user, with paths made absolute."""
    entries = _all_entries()
    chosen = entries.get(("context", context)) if entries is not None else None
    if entries is None or chosen is None:
        return None
    cluster, user = entries.get(("cluster", str(chosen.get("cluster")))), entries.get(("user", str(chosen.get("user"))))
    return (cluster, user) if cluster is not None and user is not None else None


def _all_entries() -> dict[tuple[str, str], dict[str, Any]] | None:
    """What the kubeconfig files name, by kind and name; the first file that names an entry wins, as for kubectl.

    None where one of them cannot be read.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    entries: dict[tuple[str, str], dict[str, Any]] = {}
    for path in kubeconfig.files():
        try:
            document = yaml.load(path.read_text(encoding="utf-8"), loader)  # noqa: S506 - a safe loader, in C where there is one
            for kind, plural in (("context", "contexts"), ("cluster", "clusters"), ("user", "users")):
                for item in document.get(plural) or ():
                    entry = {k: _absolute(path.parent, k, v) for k, v in (item.get(kind) or {}).items()}
                    entries.setdefault((kind, str(item["name"])), entry)
        except (OSError, ValueError, yaml.YAMLError, AttributeError, KeyError, TypeError):
            # Whatever is wrong with it: the official client says it better.
            return None
    return entries


def _absolute(folder: Path, key: str, value: Any) -> Any:
    return str(folder / value) if key in ("certificate-authority", "client-certificate", "client-key") else value
