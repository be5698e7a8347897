#!/usr/bin/env bash
# Builds a real Kubernetes 1.20.2 (the oldest version that the service supports) from Debian's source package, once,
# into a cache outside the checkout: about six minutes on two cores, then nothing.
#
#   build-kubernetes.sh    prints the folder that holds kube-apiserver, kube-controller-manager, kube-scheduler, kubelet and kube-proxy
#
# KUBERNETES_CACHE moves the cache. Needs Debian 12 and root (for apt-get).
set -euo pipefail

cache=${KUBERNETES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/acr-credential-injector/kubernetes-1.20.2}
components=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy)

is_built() {
  local component
  for component in "${components[@]}"; do [[ -x $cache/bin/$component ]] || return 1; done
}

install_toolchain() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends golang-go golang-github-modern-go-reflect2-dev dpkg-dev gcc make rsync >/dev/null
}

# The source index lives in a folder of its own, so that the machine's package configuration stays as it is.
fetch_source() {
  local site codename
  site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mkdir -p lists/partial
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $codename main" >source.list
  local options=(-qq -o "Dir::Etc::SourceList=$PWD/source.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$PWD/lists")
  apt-get "${options[@]}" update
  apt-get "${options[@]}" source --download-only kubernetes
  dpkg-source -x kubernetes_*.dsc source >/dev/null
}

# The vendored reflect2 1.0.1 corrupts memory when Go 1.18 or newer compiles it: the API server dies of SIGSEGV while it
# encodes a map. Debian packages the repaired 1.0.2.
repair_reflect2() {
  local vendored=source/vendor/github.com/modern-go/reflect2
  find "$vendored" -name '*.go' -delete
  find /usr/share/gocode/src/github.com/modern-go/reflect2 -maxdepth 1 -name '*.go' ! -name '*_test.go' -exec cp {} "$vendored" \;
}

compile() {
  local gopath=$PWD/source/.gopath log=$PWD/make.log
  mkdir -p "$gopath/src/k8s.io" home
  ln -sfn ../../.. "$gopath/src/k8s.io/kubernetes"
  (
    cd "$gopath/src/k8s.io/kubernetes"
    env GOPATH="$gopath" HOME="$OLDPWD/home" CGO_ENABLED=0 GOFLAGS=-mod=vendor GOPROXY=off \
      make WHAT="${components[*]/#/cmd/}" >"$log" 2>&1
  ) || {
    tail -n 20 "$log" >&2
    return 1
  }
  mkdir -p "$cache/bin"
  local component
  for component in "${components[@]}"; do
    install -m 755 "source/_output/local/bin/linux/amd64/$component" "$cache/bin/$component"
  done
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # two test runs at once build only once
if ! is_built; then
  echo "building Kubernetes 1.20.2, once, about six minutes" >&2
  install_toolchain
  rm -rf "$cache/build" && mkdir -p "$cache/build" && cd "$cache/build"
  fetch_source
  repair_reflect2
  compile
  cd / && chmod -R u+w "$cache/build" && rm -rf "$cache/build"
fi
echo "$cache/bin"
