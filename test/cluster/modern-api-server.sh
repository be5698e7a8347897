#!/usr/bin/env bash
# A small API server on the API machinery of a current Kubernetes, with an etcd of its own, for what the 1.20 of control-plane.sh
# cannot show: namespaces that selectors know by name, matchConditions. It has no RBAC, no ServiceAccount admission plugin and no
# controllers, and is no kube-apiserver.
#
#   modern-api-server.sh up      starts it and prints the path of an administrator's kubeconfig
#   modern-api-server.sh down    ends what `up` started and removes its folder
#
# MODERN_API_SERVER is the server's binary, which is no part of this project; it may be compressed (.xz). CLUSTER_PORT (16443)
# and CLUSTER_DIR are as for control-plane.sh.
set -euo pipefail

command=${1:-}
CLUSTER_DIR=${CLUSTER_DIR:-${TMPDIR:-/tmp}/acr-credential-injector-modern-${CLUSTER_PORT:-16443}}
# shellcheck source-path=SCRIPTDIR source=control-plane.sh
. "$(dirname "${BASH_SOURCE[0]}")/control-plane.sh"
components=(etcd modern-api-server)

find_binaries() { [[ -e ${MODERN_API_SERVER:-} ]] || fail "MODERN_API_SERVER names no file"; }

start_api_server() {
  local binary=$dir/modern-api-server
  case $MODERN_API_SERVER in
    *.xz) xz -dc "$MODERN_API_SERVER" >"$binary" ;;
    *) cp "$MODERN_API_SERVER" "$binary" ;;
  esac
  chmod +x "$binary"
  start modern-api-server "$binary" --etcd-servers "$etcd_url" --bind-address 127.0.0.1 --secure-port "$port" \
    --tls-cert-file "$dir/kube-apiserver.crt" --tls-private-key-file "$dir/kube-apiserver.key" \
    --token-auth-file "$dir/tokens.csv" --anonymous-auth=false
  wait_for modern-api-server api_get /readyz
}

start_controllers() { :; }

case $command in
  up) up ;;
  down) down ;;
  *) fail "say up or down; the head of modern-api-server.sh explains" ;;
esac
