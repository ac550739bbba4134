"""Services, EndpointSlices and pods as the API server writes them, read into what names are expected of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from shelterctl.core.dns.records import DnsEndpoint, DnsPod, DnsPort, DnsService

Json: TypeAlias = Mapping[str, Any]

_SLICE_SERVICE = "kubernetes.io/service-name"


def read_service(service: Json, slices: Iterable[Json], pods: Iterable[Json]) -> DnsService:
    """A Service with those of the namespace's EndpointSlices and pods that are its own."""
    metadata, spec = service["metadata"], service["spec"]
    name = str(metadata["name"])
    selector: Mapping[str, str] = spec.get("selector") or {}
    external = spec.get("type") == "ExternalName"
    own_slices = [item for item in slices if (item["metadata"].get("labels") or {}).get(_SLICE_SERVICE) == name]
    own_pods = [pod for pod in pods if selector and lives(pod) and _matches(pod, selector)]
    addresses = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    return DnsService(
        name=name,
        namespace=str(metadata["namespace"]),
        headless=spec.get("clusterIP") == "None",
        cluster_ips=tuple(address for address in addresses if address and address != "None"),
        ip_families=tuple(spec.get("ipFamilies") or ()),
        ports=_ports(spec.get("ports")),
        publish_not_ready=bool(spec.get("publishNotReadyAddresses")),
        selects=bool(selector),
        external_name=str(spec.get("externalName") or "") if external else "",
        endpoints=_endpoints(own_slices),
        pods=tuple(sorted((read_pod(pod) for pod in own_pods), key=lambda pod: pod.name)),
    )


def _endpoints(slices: Iterable[Json]) -> tuple[DnsEndpoint, ...]:
    """The slices' endpoints, each once: an endpoint may stand in two slices for a moment (EndpointSlice API, duplicates)."""
    found: dict[DnsEndpoint, None] = {}
    for item in slices:
        if item.get("addressType") not in ("IPv4", "IPv6"):
            continue
        ports = _ports(item.get("ports"))
        for endpoint in item.get("endpoints") or ():
            ready = (endpoint.get("conditions") or {}).get("ready")
            target = endpoint.get("targetRef") or {}
            record = DnsEndpoint(
                addresses=tuple(endpoint["addresses"]),
                # Absent means unknown, which is to be taken as ready (EndpointConditions in discovery.k8s.io/v1).
                ready=ready is None or bool(ready),
                hostname=str(endpoint.get("hostname") or ""),
                pod=str(target.get("name") or "") if target.get("kind") == "Pod" else "",
                ports=ports,
            )
            found[record] = None
    return tuple(sorted(found, key=lambda endpoint: (endpoint.addresses, endpoint.pod, endpoint.ready)))


def _ports(ports: Iterable[Json] | None) -> tuple[DnsPort, ...]:
    return tuple(
        DnsPort(str(port.get("name") or ""), int(port.get("port") or 0), str(port.get("protocol") or "TCP").lower()) for port in ports or ()
    )


def read_pod(pod: Json) -> DnsPod:
    """A pod's addresses, readiness and own name."""
    status, spec = pod.get("status") or {}, pod.get("spec") or {}
    addresses = [str(item["ip"]) for item in status.get("podIPs") or () if item.get("ip")]
    if not addresses and status.get("podIP"):
        addresses = [str(status["podIP"])]
    conditions = {item["type"]: item["status"] for item in status.get("conditions") or ()}
    return DnsPod(
        name=str(pod["metadata"]["name"]),
        addresses=tuple(addresses),
        ready=conditions.get("Ready") == "True",
        terminating="deletionTimestamp" in pod["metadata"],
        hostname=str(spec.get("hostname") or ""),
        subdomain=str(spec.get("subdomain") or ""),
        stateful=any(o.get("kind") == "StatefulSet" and o.get("controller") for o in pod["metadata"].get("ownerReferences") or ()),
    )


def lives(pod: Json) -> bool:
    """Whether the pod may still be an endpoint: one that ended for good is none, whatever its labels."""
    return (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")


def _matches(pod: Json, selector: Mapping[str, str]) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in selector.items())
