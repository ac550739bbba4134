"""A small stack in which nothing is found: what a test changes in it is what is found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.adapters.stack.packaged import written

APP = """import os

from flask import Flask, jsonify, request
from pymongo import MongoClient

app = Flask(__name__)
notes = MongoClient(os.environ["MONGO_URI"], serverSelectionTimeoutMS=2000).shop.notes


@app.post("/notes")
def add():
    notes.insert_one(request.get_json())
    return jsonify({"status": "stored"}), 201


@app.get("/notes")
def newest():
    return jsonify(list(notes.find({}, {"_id": 0}).limit(20)))
"""
DOCKERFILE = 'FROM python:3.13-slim\nCOPY app.py .\nCMD ["gunicorn", "app:app"]\n'
WEB = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: shop-web:1.0
          ports: [{containerPort: 5000}]
          env:
            - name: MONGO_URI
              value: mongodb://mongo:27017/shop?journal=true
          resources:
            requests: {cpu: 200m, memory: 64Mi}
            limits: {cpu: 500m, memory: 128Mi}
          readinessProbe:
            httpGet: {path: /notes, port: 5000}
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 5000}]
"""
HPA = """apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: web
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 5
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: 70}
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
          image: mongo:8.0
          ports: [{containerPort: 27017}]
          readinessProbe:
            exec: {command: [mongosh, --eval, db.hello()]}
          volumeMounts: [{name: data, mountPath: /data/db}]
  volumeClaimTemplates:
    - metadata:
        name: data
      spec:
        accessModes: [ReadWriteOnce]
        resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: Service
metadata:
  name: mongo
spec:
  clusterIP: None
  selector: {app: mongo}
  ports: [{port: 27017}]
"""
FILES = {"app.py": APP, "Dockerfile": DOCKERFILE, "k8s/web.yaml": WEB, "k8s/hpa.yaml": HPA, "k8s/mongo.yaml": MONGO}


def changed(name: str, *swaps: tuple[str, str]) -> Mapping[str, str]:
    """One of the files with other texts in it, each of which must have been there."""
    text = FILES[name]
    for old, new in swaps:
        assert old in text, old
        text = text.replace(old, new)
    return {name: text}


def laid(folder: Path, *files: Mapping[str, str], without: tuple[str, ...] = ()) -> Path:
    """The stack in a folder, those of `files` in the place of its own."""
    kept = {name: text for name, text in FILES.items() if name not in without}
    return written(folder, kept, *files)
