#!/usr/bin/env bash
# A Kubernetes 1.20.2 cluster of one node on this machine: the control plane of control-plane.sh, and containerd, kubelet and
# kube-proxy, so that Pods run and their images are pulled.
#
#   node.sh run COMMAND...    runs a command in namespaces of its own (network, mounts, processes), as `up` and `down` need them:
#                             nothing of the node is seen outside them, and nothing is left when the command ends
#   node.sh up                starts the cluster and prints the path of an administrator's kubeconfig
#   node.sh down              ends what `up` started and removes its folder
#
# CLUSTER_PORT and CLUSTER_DIR are as for control-plane.sh. Containerd finds registries by CLUSTER_DIR/registries (its
# registry/config_path) and through the proxy NODE_PROXY, if one is named. Needs Debian 12 and root.
set -euo pipefail

command=${1:-}
# An address for documentation (RFC 5737), on a bridge: kubelet does not take one of loopback.
export CLUSTER_ADDRESS=192.0.2.10
CLUSTER_DIR=${CLUSTER_DIR:-${TMPDIR:-/tmp}/acr-credential-injector-node-${CLUSTER_PORT:-16443}}
# shellcheck source-path=SCRIPTDIR source=control-plane.sh
. "$(dirname "${BASH_SOURCE[0]}")/control-plane.sh"
# The first are ended first.
components=(kube-proxy kubelet containerd "${components[@]}")
node=node
pod_cidr=10.244.0.0/24

# What comes from elsewhere is fetched here, where there is a network.
run() {
  [[ $(id -u) == 0 ]] || fail 'needs root, as a node has network interfaces, mounts and cgroups'
  unshare --net --mount --pid --fork true 2>/dev/null || fail 'needs a kernel that lets root make namespaces of networks, mounts and processes'
  install_missing
  install_commands iptables=iptables ip=iproute2
  find_binaries
  node_tools >/dev/null
  busybox >/dev/null
  "$here/registry-tools.sh" >/dev/null
  enter "$@"
}

# Everything that is written goes to one folder; it and the cgroups are what is left when the namespaces are gone.
enter() {
  local status=0
  folder=$(mktemp -d "${TMPDIR:-/tmp}/acr-credential-injector-node.XXXXXX")
  export NODE_CGROUP=${folder##*/}
  mkdir "$folder/tmp"
  TMPDIR=$folder/tmp CLUSTER_DIR=$folder/cluster unshare --net --mount --pid --fork --kill-child --mount-proc \
    "$here/node.sh" inside "$@" &
  inner=$!
  trap leave EXIT
  trap 'exit 130' INT TERM
  wait "$inner" || status=$?
  exit "$status"
}

# The first process of the namespaces takes all others with it, and is not gone before they are.
leave() {
  local hierarchy
  { kill -KILL "$(tr -d ' ' <"/proc/$inner/task/$inner/children")" || true; } 2>/dev/null
  wait "$inner" 2>/dev/null || true
  rm -rf "$folder"
  for hierarchy in $(cgroup_hierarchies); do
    [[ ! -d $hierarchy/$NODE_CGROUP ]] || find "$hierarchy/$NODE_CGROUP" -depth -type d -exec rmdir {} +
  done
}

cgroup_hierarchies() { findmnt --noheadings --list --output TARGET --types cgroup,cgroup2; }

inside() {
  ip link set lo up
  ip link add node0 type bridge || fail 'needs a kernel with network bridges'
  ip address add "$CLUSTER_ADDRESS/24" dev node0
  ip link set node0 up
  ip route add default dev node0
  echo 1 >/proc/sys/net/ipv4/ip_forward
  cover_state
  cover_settings
  "$@"
}

# What containerd, kubelet and the network plugins write in places of their own is seen here only.
cover_state() {
  local path
  mount -t tmpfs tmpfs /run
  for path in /var/lib /var/log; do
    mkdir -p "/run/upper$path" "/run/work$path"
    mount -t overlay -o "lowerdir=$path,upperdir=/run/upper$path,workdir=/run/work$path" overlay "$path"
  done
  mount --make-rshared /
}

# Kubelet sets these for the whole machine, which would then not survive its kernel's next mishap. Here it finds them as it wants them.
cover_settings() {
  local setting covered
  for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    covered=/run/sysctl/${setting%=*}
    install -D /dev/null "$covered"
    echo "${setting#*=}" >"$covered"
    mount --bind "$covered" "/proc/sys/${setting%=*}"
  done
}

busybox() { "$here/debian-packages.sh" busybox busybox-static; }

node_tools() {
  "$here/debian-packages.sh" node-tools containerd runc containernetworking-plugins \
    conntrack libnetfilter-conntrack3 libnfnetlink0 libmnl0
}

start_node() {
  [[ -n ${NODE_CGROUP:-} ]] || fail 'say node.sh run COMMAND..., and let COMMAND call node.sh up'
  tools=$(node_tools)
  PATH=$tools/bin:$PATH
  start_containerd
  start_kubelet
  start_kube_proxy
  wait_for kubelet node_is_ready
}

# restrict_oom_score_adj: without it runc fails where root lacks CAP_SYS_RESOURCE.
start_containerd() {
  mkdir -p "$dir"/{cni,containerd,registries}
  cat >"$dir/containerd.toml" <<TOML
version = 2
root = "$dir/containerd/root"
state = "$dir/containerd/state"
[grpc]
  address = "$dir/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$tools/root/usr/lib/cni"
    conf_dir = "$dir/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "$dir/registries"
TOML
  cat >"$dir/cni/pods.conflist" <<JSON
{
  "cniVersion": "0.4.0",
  "name": "pods",
  "plugins": [
    {
      "type": "bridge", "bridge": "pods0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
      "ipam": { "type": "host-local", "ranges": [[{ "subnet": "$pod_cidr" }]], "routes": [{ "dst": "0.0.0.0/0" }] }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
JSON
  HTTPS_PROXY=${NODE_PROXY:-} start containerd containerd --config "$dir/containerd.toml"
  wait_for containerd on_containerd version
  pause_image | on_containerd images import - >/dev/null
}

on_containerd() { ctr --address "$dir/containerd/containerd.sock" --namespace k8s.io "$@"; }

# An image of one layer, as `docker save` writes it, that does nothing until it is ended: what holds a Pod's network namespace.
pause_image() {
  local image=$dir/pause sum
  mkdir -p "$image/layer"
  cp "$(busybox)/root/bin/busybox" "$image/layer"
  tar -C "$image/layer" -cf "$image/layer.tar" busybox
  sum=$(sha256sum "$image/layer.tar" | cut -d' ' -f1)
  cat >"$image/config.json" <<JSON
{
  "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": ["sha256:$sum"] },
  "config": { "Entrypoint": ["/busybox", "sh", "-c", "trap exit TERM; while :; do /busybox sleep 3600 & wait; done"] }
}
JSON
  echo '[{ "Config": "config.json", "RepoTags": ["localhost/pause:1"], "Layers": ["layer.tar"] }]' >"$image/manifest.json"
  tar -C "$image" -c manifest.json config.json layer.tar
}

# Its cgroups are in one of its own, in every hierarchy, so that they can be found in the end. There is no cluster DNS; without
# the address of one kubelet complains at every Pod.
start_kubelet() {
  local hierarchy
  for hierarchy in $(cgroup_hierarchies); do mkdir -p "$hierarchy/$NODE_CGROUP"; done
  cat >"$dir/kubelet.yaml" <<YAML
kind: KubeletConfiguration
apiVersion: kubelet.config.k8s.io/v1beta1
authentication: { anonymous: { enabled: true }, webhook: { enabled: false } }
authorization: { mode: AlwaysAllow }
cgroupDriver: cgroupfs
cgroupRoot: /$NODE_CGROUP
volumePluginDir: $dir/volume-plugins
clusterDNS: [$CLUSTER_ADDRESS]
failSwapOn: false
maxPods: 200
evictionHard: { memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1% }
registryPullQPS: 0
eventRecordQPS: 0
serializeImagePulls: false
YAML
  start kubelet "$bin/kubelet" --config "$dir/kubelet.yaml" --kubeconfig "$dir/kubeconfig" --root-dir "$dir/kubelet" \
    --container-runtime remote --container-runtime-endpoint "unix://$dir/containerd/containerd.sock" \
    --node-ip "$CLUSTER_ADDRESS" --hostname-override "$node"
}

start_kube_proxy() {
  start kube-proxy "$bin/kube-proxy" --kubeconfig "$dir/kubeconfig" --hostname-override "$node" --cluster-cidr "$pod_cidr" \
    --conntrack-max-per-core 0 --conntrack-tcp-timeout-established 0 --conntrack-tcp-timeout-close-wait 0
}

node_is_ready() { api_get "/api/v1/nodes/$node" | tr -d ' \n' | grep -q '"type":"Ready","status":"True"'; }

# Containers end with the namespaces; their mounts are seen nowhere else.
remove_dir() {
  [[ -e $dir/owned-by-control-plane ]] || return 0
  stop_components
  findmnt --noheadings --raw --output TARGET | grep -F "$dir/" | sort -r | xargs -r umount --lazy || true
  rm -rf "$dir"
}

case $command in
  run | inside) "$@" ;;
  up) up ;;
  down) down ;;
  *) fail "say run, up or down; the head of node.sh explains" ;;
esac
