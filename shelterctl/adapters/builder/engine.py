"""The local Docker engine through docker-py's low-level client. `docker` takes 107 ms to import, so functions import it, as they do what
only a look at an image does not need."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shelterctl.adapters.builder import engine_query
from shelterctl.adapters.builder.build_stream import errors_as_build_failed, lines, record_responses
from shelterctl.adapters.builder.engine_access import client_of_engine
from shelterctl.core.deploy.image import LocalImage
from shelterctl.errors import BuildFailed, ImageLoadFailed

if TYPE_CHECKING:
    from docker import APIClient

    from shelterctl.adapters.builder.oci_archive import SavedImage

#: An answer of the engine to a question.
QUERY_TIMEOUT_S = 20
#: A silence of the engine while it builds (a RUN step may print nothing) or assembles an archive.
WORK_SILENCE_S = 1800

NO_LABELS: Mapping[str, str] = {}
LABELS = {"app.kubernetes.io/managed-by": "shelterctl"}
_SAVE_CHUNK_BYTES = 1024 * 1024
_KEPT_LINES = 40
#: Where another process built the image: the stages of the latest builds.
_STAGES_LOOKED_AT = 8
#: An image has fewer steps than that.
_STEPS_LOOKED_AT = 127
#: What the classic builder says: a step's image, and where a stage begins.
_STEP_IMAGE = re.compile(r" ---> ([0-9a-f]{12,64})")
_NEW_STAGE = re.compile(r"Step \d+/\d+ : FROM ")
_CONTAINERD_STORE = "io.containerd.snapshotter.v1"


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """The image engine: its version, whether it keeps images by their configuration's digest, and the folder that it keeps them in."""

    version: str
    config_digest_ids: bool
    root_dir: str = ""


class DockerEngine:
    """Builds images and keeps them, and gives the node's image store what an image consists of."""

    def __init__(self) -> None:
        self._info: EngineInfo | None = None
        self._stages: list[str] = []

    def check(self) -> EngineInfo:
        """The engine's version, and whether its image ids are configurations' digests. Raises DockerUnavailable."""
        if self._info is None:
            info = self._asked_info()
            status = info.get("DriverStatus") or []
            config_digest_ids = all(_CONTAINERD_STORE not in pair for pair in status)
            self._info = EngineInfo(str(info.get("ServerVersion", "")), config_digest_ids, str(info.get("DockerRootDir", "")))
        return self._info

    @staticmethod
    def _asked_info() -> Mapping[str, Any]:
        """Raises DockerUnavailable."""
        with suppress(engine_query.Elsewhere, OSError):
            return engine_query.info(QUERY_TIMEOUT_S)
        with client_of_engine(QUERY_TIMEOUT_S) as client:
            found: Mapping[str, Any] = client.info()
            return found

    @staticmethod
    def _asked_image(reference: str) -> Mapping[str, Any] | None:
        """Raises DockerUnavailable."""
        # What keeps the socket from answering is docker-py's to say, in its own words.
        with suppress(engine_query.Elsewhere, OSError):
            return engine_query.image(reference, QUERY_TIMEOUT_S)
        from docker.errors import ImageNotFound

        with client_of_engine(QUERY_TIMEOUT_S) as client:
            try:
                found: Mapping[str, Any] = client.inspect_image(reference)  # type: ignore[no-untyped-call]  # the stubs leave it untyped
            except ImageNotFound:
                return None
            return found

    def push(self, reference: str, repository: str, tag: str) -> Generator[str, None, str]:
        """Tags the image for a registry and pushes it; yields what happens, returns the manifest's digest (empty where none is told).

        Raises ImageLoadFailed with the registry's word, DockerUnavailable.
        """
        digest = ""
        with client_of_engine(WORK_SILENCE_S) as client:
            told = ""
            for entry in _pushed(client, reference, repository, tag):
                if "error" in entry:
                    raise ImageLoadFailed(
                        f"{repository}:{tag} could not be pushed",
                        why=str(entry["error"]).strip(),
                        next_command=f"docker login {repository.partition('/')[0]}   (or: docker push {repository}:{tag})",
                    )
                digest = str((entry.get("aux") or {}).get("Digest") or digest)
                # A layer is told of many times a second.
                if entry.get("status") != told and (told := str(entry.get("status") or "")):
                    yield f"{repository}:{tag}: {told}"
        return digest

    def inspect(self, reference: str) -> LocalImage | None:
        """The image, or None where the engine has none of that name. Raises DockerUnavailable.

        Where Docker keeps images in containerd, its ids are manifests' digests: the configuration's is read from the saved image,
        which takes as long as saving it.
        """
        found = self._asked_image(reference)
        if found is None:
            return None
        image_id = str(found["Id"])
        if not self.check().config_digest_ids:
            from shelterctl.adapters.builder.oci_archive import saved_config_digest

            chunks = self.save(reference)
            try:
                image_id = saved_config_digest(chunks)
            finally:
                chunks.close()
        return LocalImage(reference, image_id, tuple(found["RootFS"]["Layers"]), int(found["Size"]))

    def build(
        self,
        context: Path,
        reference: str,
        build_args: Mapping[str, str],
        *,
        dockerfile: str = "Dockerfile",
        labels: Mapping[str, str] = NO_LABELS,
        exclude: Sequence[str] | None = None,
    ) -> Iterator[str]:
        """Builds with the classic builder and yields its lines; ending the iteration early stops the build.

        `exclude` are patterns in the place of those of `.dockerignore`. Raises BuildFailed with the last lines, DockerUnavailable.
        """
        from docker.utils.build import tar

        recent: list[str] = []
        latest_step = ""
        command = f"docker build {context}"
        with client_of_engine(WORK_SILENCE_S) as client, errors_as_build_failed(reference, recent, command):
            responses = record_responses(client)
            packed = None if exclude is None else tar(context, exclude=list(exclude), dockerfile=(dockerfile, None), gzip=False)
            try:
                entries = client.build(
                    **({"path": str(context)} if packed is None else {"fileobj": packed, "custom_context": True}),
                    tag=reference,
                    buildargs=dict(build_args),
                    dockerfile=dockerfile,
                    labels={**LABELS, **labels},
                    rm=True,
                    forcerm=True,
                    use_config_proxy=True,
                    decode=True,
                )
                for entry in entries:
                    for line in lines(entry):
                        recent[:] = [*recent[-_KEPT_LINES:], line]
                        if found := _STEP_IMAGE.fullmatch(line):
                            latest_step = found[1]
                        elif latest_step and _NEW_STAGE.match(line):
                            self._stages.append(latest_step)
                        yield line
                    if "error" in entry:
                        why = str(entry["error"]).strip()
                        raise BuildFailed(f"{reference} could not be built", why=why, next_command=command, details=recent[-12:] or [why])
            finally:
                # The engine builds for as long as somebody listens: closing the connection is what stops it.
                for response in responses:
                    response.close()
        if self.inspect(reference) is None:
            raise BuildFailed(f"{reference} is not there after its build", next_command=command, details=recent[-12:])

    def label(self, reference: str, name: str) -> str:
        """What a label of the image says; empty without it. Raises DockerUnavailable."""
        found = self._asked_image(reference) or {}
        return str(((found.get("Config") or {}).get("Labels") or {}).get(name, ""))

    def forget(self, reference: str) -> None:
        """Takes the name off an image; what it was built of stays in the cache. Raises DockerUnavailable."""
        from docker.errors import ImageNotFound

        with client_of_engine(QUERY_TIMEOUT_S) as client, suppress(ImageNotFound):
            client.remove_image(reference, noprune=True)

    def save(self, reference: str) -> Generator[bytes, None, None]:
        """The image as `docker save` writes it; close the generator to stop early. Raises ImageLoadFailed, DockerUnavailable."""
        import requests
        from docker.errors import APIError

        with client_of_engine(WORK_SILENCE_S) as client:
            responses = record_responses(client)
            try:
                yield from client.get_image(reference, chunk_size=_SAVE_CHUNK_BYTES)
            except APIError as error:
                raise ImageLoadFailed(f"Docker could not save {reference}", why=str(error.explanation or error)) from error
            except (requests.RequestException, OSError) as error:
                raise ImageLoadFailed(f"Docker stopped while it saved {reference}", why=str(error), next_command="docker info") from error
            finally:
                for response in responses:
                    response.close()

    def parts(self, image: LocalImage, wanted: Sequence[str], known_configs: Sequence[bytes], folder: Path) -> SavedImage | None:
        """The configuration and the `wanted` layers (diff_ids) without saving the whole image, or None where that cannot be done.

        It can where another image's configuration is known that begins as this one's, and where the layers are a stage of the
        Dockerfile by themselves. Each part is held to its digest. Raises DockerUnavailable.
        """
        if not known_configs or not self.check().config_digest_ids:
            return None
        from docker.errors import APIError

        from shelterctl.adapters.builder.image_config import rebuilt
        from shelterctl.adapters.builder.oci_archive import SavedImage, read_saved

        with client_of_engine(QUERY_TIMEOUT_S) as client:
            try:
                line = [client.inspect_image(image.image_id)]  # type: ignore[no-untyped-call]
                while line[-1].get("Parent") and len(line) < _STEPS_LOOKED_AT:
                    line.append(client.inspect_image(line[-1]["Parent"]))  # type: ignore[no-untyped-call]
                steps = [str(step["CreatedBy"]) for step in reversed(client.history(image.image_id))]  # type: ignore[no-untyped-call]
                config = rebuilt(line[0], line[1:], steps, known_configs)
                if config is None:
                    return None
                if not wanted:
                    return SavedImage(config, {})
                dangling = sorted(client.images(filters={"dangling": True}), key=lambda stage: int(stage["Created"]), reverse=True)
                names = [*self._stages, *(str(stage["Id"]) for stage in dangling[:_STAGES_LOOKED_AT])]
                stages = [client.inspect_image(name) for name in names]  # type: ignore[no-untyped-call]
            except APIError:
                # An image went away meanwhile; saving it says so in its own words.
                return None
        holder = next((stage["Id"] for stage in stages if set(stage["RootFS"]["Layers"] or ()) == set(wanted)), None)
        if holder is None:
            return None
        with closing(self.save(holder)) as saved:
            return SavedImage(config, read_saved(saved, holder, wanted, folder).layers)


def _pushed(client: APIClient, reference: str, repository: str, tag: str) -> Iterator[Mapping[str, Any]]:
    """What the engine tells of a push. Raises ImageLoadFailed."""
    import requests
    from docker.errors import APIError

    try:
        client.tag(reference, repository, tag)
        yield from client.push(repository, tag=tag, stream=True, decode=True)
    except (APIError, requests.exceptions.Timeout) as error:
        why = str(getattr(error, "explanation", "") or error)
        command = f"docker push {repository}:{tag}"
        raise ImageLoadFailed(f"{repository}:{tag} could not be pushed", why=why, next_command=command) from error
