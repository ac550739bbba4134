"""What a Dockerfile gives to a process that runs without an image."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelterctl.adapters.builder.context import FolderContext
from shelterctl.adapters.local.own import recipe, sources
from shelterctl.errors import Refused

pytestmark = pytest.mark.unit


def read(folder: Path, text: str) -> recipe.Recipe:
    (folder / "Dockerfile").write_text(text)
    return recipe.read(folder / "Dockerfile")


def test_the_last_stage_with_what_it_stands_on(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
ARG VERSION=3.12
FROM node:22 AS pages
RUN npm ci
FROM python:${VERSION}-slim AS base
ENV MODE=fast \\
    PORT=8000
WORKDIR /srv
# COPY never.py .
FROM base
WORKDIR notes
COPY --from=pages /dist static/
COPY --chown=1001 requirements.txt ./
RUN apt-get update && pip install --no-cache-dir -i https://example.org/simple -r requirements.txt "gunicorn==23.0.0" && python build.py
COPY app.py wsgi.py /srv/notes/
ENTRYPOINT ["gunicorn"]
CMD ["app:app", "-b", "0.0.0.0:$PORT"]
""",
    )
    assert (found.base, found.python_version, found.workdir) == ("python:3.12-slim", "3.12", "/srv/notes")
    assert found.environment == {"MODE": "fast", "PORT": "8000"}
    assert (found.requirements, found.packages) == (("requirements.txt",), ("gunicorn==23.0.0",))
    assert found.undone == ("python build.py",)
    assert found.command == ("gunicorn", "app:app", "-b", "0.0.0.0:$PORT")
    assert [copy.sources for copy in found.copies] == [("requirements.txt",), ("app.py", "wsgi.py")]


@pytest.mark.parametrize(
    ("line", "word"), [("RUN poetry install", "poetry"), ("RUN pip install .", "pip install ."), ("RUN uv sync --frozen", "uv")]
)
def test_an_installer_that_is_not_known_here_is_refused(tmp_path: Path, line: str, word: str) -> None:
    with pytest.raises(Refused, match=word) as refused:
        read(tmp_path, f"FROM python:3.12\n{line}\n")
    assert "--target minikube" in refused.value.next_command


def test_files_lie_where_the_image_would_have_them(tmp_path: Path) -> None:
    context = tmp_path / "context"
    for name in ("app.py", "requirements.txt", "notes/__init__.py", "notes/templates/a.html", "secret.env", "conf/x.cfg"):
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text(name)
    (context / ".dockerignore").write_text("secret.env\n")
    text = """FROM python:3.12
WORKDIR /srv/app
COPY requirements.txt .
COPY notes notes/
COPY app.py main.py
COPY conf/*.cfg /etc/notes/
COPY . /all
"""
    found = read(context, text)
    placed = sources.place(FolderContext(context), found, tmp_path / "root")
    everything = ["Dockerfile", ".dockerignore", "app.py", "conf/x.cfg", "notes/__init__.py", "notes/templates/a.html", "requirements.txt"]
    there = ["etc/notes/x.cfg", "main.py", "notes/__init__.py", "notes/templates/a.html", "requirements.txt"]
    wanted = [each if each.startswith("etc") else f"srv/app/{each}" for each in there] + [f"all/{each}" for each in everything]
    assert sorted(placed) == sorted(wanted)
    assert (tmp_path / "root/srv/app/main.py").read_text() == "app.py"
