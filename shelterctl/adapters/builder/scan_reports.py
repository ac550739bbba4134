"""The documents of three scanners, read into one form.

- trivy: `types.Report`, schema version 2 (aquasecurity/trivy, `pkg/types/report.go`).
- grype: `models.Document` (anchore/grype, `grype/presenter/models/document.go`).
- Docker Scout: SARIF 2.1.0, a rule for each vulnerability with the packages' URLs and the versions in its `properties`; the results name
  the rules that apply.

Each raises ValueError, LookupError, TypeError or AttributeError where the document is something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from shelterctl.core.deploy.image import LocalImage
from shelterctl.core.deploy.scan import ScanFindings, Severity, Vulnerability

_SEVERITIES = {severity.value: severity for severity in Severity}


def read_trivy(document: Mapping[str, Any], image: LocalImage) -> ScanFindings:
    """Of `trivy image --format json`."""
    if document["ArtifactType"] != "container_image" or document["SchemaVersion"] != 2:
        raise ValueError(f"not the report of an image in schema 2, but {document['ArtifactType']} in {document['SchemaVersion']}")
    metadata = document.get("Metadata") or {}
    if other := _another_image(metadata.get("ImageID"), metadata.get("DiffIDs"), image):
        return ScanFindings(problem=other)
    system = metadata.get("OS") or {}
    results = document.get("Results") or []
    if not results:
        return ScanFindings(problem="it recognized no packages in the image")
    doubts = []
    name = f"{system.get('Family', '')} {system.get('Name', '')}".strip()
    if system.get("EOSL"):
        doubts.append(f"{name} gets no security updates any more: what is found in its packages is not all that there is")
    if name and not any(result.get("Class") == "os-pkgs" for result in results):
        doubts.append(f"the packages of {name} were not looked at")
    found = [_of_trivy(item) for result in results for item in result.get("Vulnerabilities") or []]
    return ScanFindings(tuple(found), doubts=tuple(doubts))


def _of_trivy(item: Mapping[str, Any]) -> Vulnerability:
    severity = _severity(item.get("Severity"))
    return Vulnerability(severity, item["VulnerabilityID"], item["PkgName"], item["InstalledVersion"], _text(item, "FixedVersion"))


def read_grype(document: Mapping[str, Any], image: LocalImage) -> ScanFindings:
    """Of `grype -o json`."""
    if document["descriptor"]["name"] != "grype":
        raise ValueError(f"not grype's document, but of {document['descriptor']['name']}")
    target = document["source"]["target"]
    if other := _another_image(target["imageID"], [layer["digest"] for layer in target.get("layers") or []], image):
        return ScanFindings(problem=other)
    matches = document["matches"]
    if not matches and not (document.get("distro") or {}).get("name"):
        # It says nowhere how many packages it looked at.
        return ScanFindings(problem="it recognized no distribution in the image, and matched no package")
    alerts = [alert["message"] for package in document.get("alertsByPackage") or [] for alert in package["alerts"]]
    found = []
    for match in matches:
        about, package = match["vulnerability"], match["artifact"]
        fixed = ", ".join((about.get("fix") or {}).get("versions") or [])
        found.append(Vulnerability(_severity(about.get("severity")), about["id"], package["name"], package["version"], fixed))
    return ScanFindings(tuple(found), doubts=tuple(dict.fromkeys(alerts)))


def read_scout(document: Mapping[str, Any], image: LocalImage) -> ScanFindings:  # noqa: ARG001 - it does not say which image it looked at
    """Of `docker scout cves --format sarif`."""
    found: list[Vulnerability] = []
    for run in document["runs"]:
        driver = run["tool"]["driver"]
        if driver["name"] != "docker scout":
            raise ValueError(f"not Docker Scout's document, but of {driver['name']}")
        rules = {rule["id"]: rule for rule in driver.get("rules") or []}
        results = run["results"] or []
        if rules and not results:
            raise ValueError("rules without results")
        for name in dict.fromkeys(result["ruleId"] for result in results):
            found += _of_rule(rules[name])
    if not document["runs"]:
        raise ValueError("no runs")
    return ScanFindings(tuple(found))


def _of_rule(rule: Mapping[str, Any]) -> Iterator[Vulnerability]:
    about = rule["properties"]
    fixed = _text(about, "fixed_version")
    # Until 1.0 a rule had one package's URL, under another name.
    for url in about.get("purls") or [about["purl"]]:
        package, version = _package(url)
        yield Vulnerability(
            _severity(about.get("cvssV3_severity")), rule["id"], package, version, "" if fixed.lower() == "not fixed" else fixed
        )


def _package(url: str) -> tuple[str, str]:
    """Name and version of a package URL (`pkg:type/namespace/name@version?qualifiers#subpath`)."""
    scheme, _, rest = url.partition(":")
    if scheme != "pkg":
        raise ValueError(f"{url} is no package's URL")
    path, _, version = rest.partition("?")[0].partition("#")[0].rpartition("@")
    if not path:
        path, version = version, ""
    return unquote(path.rpartition("/")[2]), unquote(version)


def _another_image(scanned: object, layers: Sequence[str] | None, image: LocalImage) -> str:
    """Whether the scanner looked at another image than the one that was built; a sentence, or empty.

    An engine that keeps images in containerd names them by their manifests, and trivy repeats its name: then the layers tell. What
    is in them is all that a scanner looks at.
    """
    if scanned == image.image_id or (layers and tuple(layers) == image.layers):
        return ""
    return f"it looked at another image: {scanned or 'it does not say which'}, built is {image.image_id}"


def _severity(text: object) -> Severity:
    return _SEVERITIES.get(str(text or "").lower(), Severity.UNRATED)


def _text(fields: Mapping[str, Any], key: str) -> str:
    return str(fields.get(key) or "")
