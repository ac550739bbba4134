#!/usr/bin/env bash
# Runs a command as on a machine that has no Docker, no minikube and no kubectl: a PATH with everything else, a DOCKER_HOST
# that leads nowhere, no kubeconfig and no minikube profile.
#
#   tools/without_docker.sh make test
set -euo pipefail
[ $# -gt 0 ] || { echo "usage: $0 COMMAND..." >&2; exit 2; }

bare=$(mktemp -d)
trap 'rm -rf "$bare"' EXIT
mkdir "$bare/bin"
IFS=: read -ra folders <<<"$PATH"
for folder in "${folders[@]}"; do
  for program in "$folder"/*; do
    name=${program##*/}
    case $name in
      docker* | dockerd | minikube | kubectl | kustomize | helm) continue ;;
    esac
    # The first of a name is the one that a shell would find.
    [ -x "$program" ] && [ ! -e "$bare/bin/$name" ] && ln -s "$program" "$bare/bin/$name"
  done
done
unset SHELTERCTL_REQUIRE_CLUSTER
export PATH=$bare/bin DOCKER_HOST=unix://$bare/no-docker.sock KUBECONFIG=$bare/no-kubeconfig MINIKUBE_HOME=$bare/no-minikube
"$@"
