#!/usr/bin/env bash
# Lints the manifests: yamllint on the sources; each overlay rendered by `kubectl kustomize`, then kubernetes-validate
# (strict, for the oldest version that the manifests work on, the one of the tests' cluster, and the newest known) and
# checkov (frameworks kubernetes and secrets). Any finding makes it exit 1; a tool that is missing or that checked
# nothing makes it exit 2.
#
#   tools/lint_manifests.sh [FOLDER]     FOLDER: another copy of manifests/
#
# MANIFESTS_VENV names the virtual environment that has checkov, kubernetes-validate and yamllint, if it is not
# .venv-manifests.
set -euo pipefail
# The same order of folders everywhere.
export LC_ALL=C

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
manifests=$(cd "${1:-$root/manifests}" && pwd)
bin=${MANIFESTS_VENV:-$root/.venv-manifests}/bin
versions=(1.30 1.34 1.37)

unable() { echo "lint_manifests: $*" >&2; exit 2; }
for tool in yamllint kubernetes-validate checkov; do
  [ -x "$bin/$tool" ] ||
    unable "no $tool in $bin: UV_PROJECT_ENVIRONMENT=.venv-manifests uv sync --only-group manifests"
done
if ! command -v kubectl >/dev/null; then
  command -v minikube >/dev/null || unable "neither kubectl nor minikube on the PATH"
  kubectl() { minikube kubectl -- "$@"; }
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/scanned/rendered"
failed=0
finding() { echo "lint_manifests: $*" >&2; failed=1; }

"$bin/yamllint" --strict -c "$root/.yamllint.yaml" "$manifests" >&2 || finding "yamllint found something"

objects=0
for overlay in "$manifests"/overlays/*/; do
  name=$(basename "$overlay")
  if kubectl kustomize "$overlay" >"$work/scanned/rendered/$name.yaml"; then
    count=$(grep -c '^kind: ' "$work/scanned/rendered/$name.yaml") || unable "overlay $name rendered no object"
    objects=$((objects + count))
    echo "overlay $name: $count objects"
  else
    rm "$work/scanned/rendered/$name.yaml"
    finding "overlay $name cannot be rendered"
  fi
done
[ "$objects" -gt 0 ] || unable "no overlay in $manifests/overlays could be rendered"

for version in "${versions[@]}"; do
  # Only a line for each object proves that it was validated: the exit code is 0 for an empty file too.
  if ! "$bin/kubernetes-validate" --strict -k "$version" "$work"/scanned/rendered/*.yaml >"$work/validated" 2>&1; then
    grep -v '^INFO .* passed ' "$work/validated" >&2 || true
    finding "kubernetes-validate found something for Kubernetes $version"
  elif [ "$(grep -c ' passed for resource ' "$work/validated")" != "$objects" ]; then
    unable "kubernetes-validate did not check all of the $objects objects for Kubernetes $version"
  fi
done
echo "kubernetes-validate: $objects objects checked for Kubernetes ${versions[*]}"

# The sources too, since what a patch replaces is in the repository all the same; as .txt, since in YAML the search
# for secrets passes over items of lists, such as a configMapGenerator's literals.
cp -r "$manifests" "$work/scanned/sources"
find "$work/scanned/sources" -type f ! -name '.*' -exec mv {} {}.txt \;
# From a folder of its own: checkov would read another configuration out of the working directory.
cd "$work"
if ! "$bin/checkov" --config-file "$manifests/.checkov.yaml" -d scanned >checked 2>&1; then
  cat checked >&2
  finding "checkov found something"
elif ! grep -E '^Passed checks: [1-9]' checked | sed 's/^/checkov: /'; then
  cat checked >&2
  unable "checkov checked nothing"
fi
exit "$failed"
