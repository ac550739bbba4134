"""The kubectl command lines that let a person look closer."""

from __future__ import annotations

from shelterctl.core.state import Pod, Workload


class KubectlHints:
    """Fulfils `ports.target.Hints`."""

    def logs(self, pod: Pod, container: str, *, previous: bool = False) -> str:
        return f"kubectl -n {pod.namespace} logs {pod.name} -c {container}{' --previous' if previous else ''}"

    def describe(self, kind: str, namespace: str, name: str = "") -> str:
        where = f"-n {namespace} " if namespace else ""
        return f"kubectl {where}describe {kind}{f' {name}' if name else ''}"

    def replace(self, pod: Pod) -> str:
        return f"kubectl -n {pod.namespace} delete pod {pod.name}"

    def restart(self, workload: Workload) -> str:
        return f"kubectl -n {workload.namespace} rollout restart {workload.kind.lower()}/{workload.name}"
