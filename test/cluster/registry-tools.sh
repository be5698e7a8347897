#!/usr/bin/env bash
# A private registry and its client, Debian's docker-registry and skopeo, unpacked into a cache outside the checkout: installed
# they would bring a server that starts by itself, and a container network.
#
#   registry-tools.sh    prints the folder that holds docker-registry and skopeo
#
# Needs Debian 12; root only for the first run, to refresh the package lists.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/acr-credential-injector
tools=$cache/registry-tools
# skopeo's libraries, those left out that every Debian has.
packages=(docker-registry skopeo libgpgme11 libassuan0 libgpg-error0 libdevmapper1.02.1)

fail() {
  echo "registry-tools.sh: $*" >&2
  exit 1
}

unpack() {
  local download package
  mkdir -p "$cache"
  download=$(mktemp -d "$cache/registry-tools.XXXXXX")
  trap 'rm -rf "$download"' RETURN
  apt-get update -qq
  (
    cd "$download"
    apt-get download -qq -o APT::Sandbox::User=root "${packages[@]}"
    for package in *.deb; do dpkg-deb -x "$package" root; done
    mkdir bin lib
    mv root/usr/bin/{docker-registry,skopeo} bin
    find root -path '*-linux-gnu*/lib*.so.*' -exec mv -t lib {} +
    rm -rf root ./*.deb
    mv bin/skopeo lib
    write_wrapper >bin/skopeo
    chmod +x bin/skopeo
  )
  chmod 755 "$download"
  mv -T "$download" "$tools" 2>/dev/null || [[ -d $tools ]] # another run was faster
}

write_wrapper() {
  cat <<'SH'
#!/bin/sh
lib=$(dirname "$(dirname "$(readlink -f "$0")")")/lib
LD_LIBRARY_PATH=$lib exec "$lib/skopeo" "$@"
SH
}

[[ -d $tools ]] || unpack >&2
"$tools/bin/skopeo" --version >/dev/null || fail "skopeo does not run; remove $tools to have it unpacked again"
echo "$tools/bin"
