"""Small stacks to be packaged: an application and its database, as files by their names."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

needs_kustomize = pytest.mark.skipif(
    not (shutil.which("kubectl") or shutil.which("kustomize")), reason="neither kubectl nor kustomize is on the PATH"
)
needs_helm = pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not on the PATH")

WEB = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: shop
          env:
            - name: MONGO_HOST
              value: mongo
            - name: LEVEL
              value: info
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports:
    - port: 80
"""
MONGO = """apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: mongo
spec:
  serviceName: mongo
  selector:
    matchLabels: {app: mongo}
  template:
    metadata:
      labels: {app: mongo}
    spec:
      containers:
        - name: mongo
          image: mongo:8
---
apiVersion: v1
kind: Service
metadata:
  name: mongo
spec:
  selector: {app: mongo}
  ports:
    - port: 27017
"""
SOURCES = {
    "Dockerfile": "FROM python:3.13-slim\nCOPY app.py .\n",
    "app.py": "from flask import Flask\n\napp = Flask(__name__)\n",
}
BASE = {
    "base/web.yaml": WEB,
    "base/mongo.yaml": MONGO,
    "base/kustomization.yaml": "resources:\n  - web.yaml\n  - mongo.yaml\n",
}


def written(folder: Path, *files: Mapping[str, str]) -> Path:
    """The folder with these files in it; those of later mappings go before."""
    for name, text in {name: text for each in files for name, text in each.items()}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
