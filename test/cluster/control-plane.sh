#!/usr/bin/env bash
# A Kubernetes 1.20.2 control plane of its own on this machine: etcd, kube-apiserver with RBAC, kube-controller-manager and
# kube-scheduler. There is no node: a Deployment becomes Pods, and they stay Pending.
#
#   control-plane.sh up      starts it and prints the path of an administrator's kubeconfig
#   control-plane.sh down    ends what `up` started and removes its folder
#
# CLUSTER_PORT (16443) is the API server's port; the next two are etcd's. CLUSTER_DIR holds state and logs. Control planes
# that differ in both run side by side. CLUSTER_ADDRESS, an address of this machine, makes the API server reachable from
# elsewhere, as Pods on a node need it. Needs Debian 12; root only to install what is missing and to build.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
port=${CLUSTER_PORT:-16443}
dir=$(realpath -m "${CLUSTER_DIR:-${TMPDIR:-/tmp}/acr-credential-injector-cluster-$port}")
etcd_url=http://127.0.0.1:$((port + 1))
peer_url=http://127.0.0.1:$((port + 2))
service_cidr=10.96.0.0/16
components=(etcd kube-apiserver kube-controller-manager kube-scheduler)

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

install_missing() {
  install_commands curl=curl openssl=openssl
  etcd=$(command -v etcd || echo "$("$here/debian-packages.sh" etcd etcd-server)/bin/etcd")
}

# Usage: install_commands COMMAND=PACKAGE...
install_commands() {
  local each packages=()
  for each in "$@"; do
    command -v "${each%=*}" >/dev/null || packages+=("${each#*=}")
  done
  [[ ${#packages[@]} -gt 0 ]] || return 0
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}

create_dir() {
  [[ ! -e $dir || -e $dir/owned-by-control-plane ]] || fail "$dir exists and is not a control plane's: choose another CLUSTER_DIR"
  remove_dir
  mkdir -p "$dir"
  chmod 700 "$dir"
  touch "$dir/owned-by-control-plane"
}

write_identities() {
  local names=IP:127.0.0.1,IP:10.96.0.1,DNS:localhost,DNS:kubernetes.default.svc${CLUSTER_ADDRESS:+,IP:$CLUSTER_ADDRESS}
  openssl genrsa -out "$dir/service-account.key" 2048 2>/dev/null
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=kube-apiserver -addext "subjectAltName=$names" \
    -keyout "$dir/kube-apiserver.key" -out "$dir/kube-apiserver.crt" 2>/dev/null
  token=$(openssl rand -hex 16)
  echo "$token,admin,admin,system:masters" >"$dir/tokens.csv"
  cat >"$dir/kubeconfig" <<YAML
apiVersion: v1
kind: Config
current-context: admin
contexts:
  - name: admin
    context: { cluster: e2e, user: admin }
clusters:
  - name: e2e
    cluster: { server: 'https://127.0.0.1:$port', certificate-authority: '$dir/kube-apiserver.crt' }
users:
  - name: admin
    user: { token: $token }
YAML
}

# Every command line names $dir; that is how `down` knows its own processes again.
start() {
  local name=$1
  shift
  setsid "$@" >"$dir/$name.log" 2>&1 </dev/null &
  echo $! >"$dir/$name.pid"
}

is_ours() { [[ -e /proc/$1/cmdline ]] && grep -qzF -- "$dir/" "/proc/$1/cmdline" 2>/dev/null; }

wait_for() {
  local name=$1
  shift
  for _ in $(seq 300); do
    "$@" >/dev/null 2>&1 && return
    kill -0 "$(cat "$dir/$name.pid")" 2>/dev/null || break
    sleep 0.2
  done
  fail "$name did not become ready; the logs stay in $dir until down"
}

api_get() { curl -fsS --noproxy '*' --cacert "$dir/kube-apiserver.crt" -H "authorization: Bearer $token" "https://127.0.0.1:$port$1"; }

start_etcd() {
  start etcd "$etcd" --data-dir "$dir/etcd" --unsafe-no-fsync \
    --listen-client-urls "$etcd_url" --advertise-client-urls "$etcd_url" \
    --listen-peer-urls "$peer_url" --initial-advertise-peer-urls "$peer_url" --initial-cluster "default=$peer_url"
  wait_for etcd curl -fsS --noproxy '*' "$etcd_url/health"
}

# --advertise-address may not be on loopback; without nodes nobody calls it, and any address will do (RFC 5737).
# --enable-aggregator-routing: webhooks' Services are called by their endpoints, as no kube-proxy is here.
start_api_server() {
  local bind=127.0.0.1
  [[ -z ${CLUSTER_ADDRESS:-} ]] || bind=0.0.0.0
  start kube-apiserver "$bin/kube-apiserver" --etcd-servers "$etcd_url" \
    --bind-address "$bind" --secure-port "$port" --advertise-address "${CLUSTER_ADDRESS:-192.0.2.1}" \
    --tls-cert-file "$dir/kube-apiserver.crt" --tls-private-key-file "$dir/kube-apiserver.key" \
    --authorization-mode RBAC --token-auth-file "$dir/tokens.csv" --allow-privileged \
    --service-account-issuer https://kubernetes.default.svc --service-cluster-ip-range "$service_cidr" \
    --service-account-key-file "$dir/service-account.key" --service-account-signing-key-file "$dir/service-account.key" \
    --enable-aggregator-routing --kubelet-preferred-address-types InternalIP
  wait_for kube-apiserver api_get /readyz
}

# No ports of their own: they would be the same for every control plane on this machine.
start_controllers() {
  local common=(--kubeconfig "$dir/kubeconfig" --leader-elect=false --port 0 --secure-port 0 --kube-api-qps 500 --kube-api-burst 1000)
  start kube-controller-manager "$bin/kube-controller-manager" "${common[@]}" --use-service-account-credentials \
    --service-account-private-key-file "$dir/service-account.key" --root-ca-file "$dir/kube-apiserver.crt"
  start kube-scheduler "$bin/kube-scheduler" "${common[@]}"
  wait_for kube-controller-manager api_get /api/v1/namespaces/default/serviceaccounts/default
}

find_binaries() { bin=$("$here/build-kubernetes.sh"); }

up() {
  install_missing
  find_binaries
  create_dir
  trap give_up EXIT
  write_identities
  start_etcd
  start_api_server
  start_controllers
  start_node
  trap - EXIT
  echo "$dir/kubeconfig"
}

start_node() { :; } # there is none; node.sh has one

give_up() {
  tail -n 15 "$dir"/*.log >&2
  stop_components
}

stop_components() {
  local name pid pids=()
  for name in "${components[@]}"; do
    [[ -e $dir/$name.pid ]] || continue
    pid=$(cat "$dir/$name.pid")
    rm "$dir/$name.pid"
    ! is_ours "$pid" || pids+=("$pid")
  done
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for _ in $(seq 50); do
    any_runs "${pids[@]}" || return 0
    sleep 0.2
  done
  for pid in "${pids[@]}"; do ! is_ours "$pid" || kill -9 "$pid" 2>/dev/null || true; done
}

any_runs() {
  local pid
  for pid in "$@"; do ! is_ours "$pid" || return 0; done
  return 1
}

remove_dir() {
  [[ -e $dir/owned-by-control-plane ]] || return 0
  stop_components
  rm -rf "$dir"
}

down() {
  local name
  for name in "${components[@]}"; do
    if [[ -e $dir/$name.pid ]] && ! is_ours "$(cat "$dir/$name.pid")"; then
      echo "$name had ended by itself; its last words:" >&2
      tail -n 15 "$dir/$name.log" >&2
    fi
  done
  remove_dir
}

[[ ${BASH_SOURCE[0]} == "$0" ]] || return 0 # modern-api-server.sh builds on the functions above

case ${1:-} in
  up) up ;;
  down) down ;;
  *) fail "say up or down; the head of this file explains" ;;
esac
