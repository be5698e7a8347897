#!/usr/bin/env bash
# A `docker` for machines that have none, and reach no container registry: buildah, with base images made of what the machine has.
#
#   image-builder.sh    prints a folder that holds a command `docker`, which knows build and push
#
# Images, layers and the downloads of npm stay in the cache, and may be removed there. DOCKER_PUSH_FLAGS are flags of `buildah push`. Needs root.
set -euo pipefail

[[ $(id -u) == 0 ]] || {
  echo 'image-builder.sh: needs root, to build images without Docker' >&2
  exit 1
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/acr-credential-injector
images=$cache/images
node=$(readlink -f "$here/../../node_modules/.bin/node")
npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
version=$("$node" --version)
build_base=localhost/build-base:$version
runtime_base=localhost/runtime-base:$version

tools=$("$here/debian-packages.sh" image-tools buildah libgpgme11 libassuan0 libgpg-error0 libdevmapper1.02.1)
busybox=$("$here/debian-packages.sh" busybox busybox-static)/root/bin/busybox

write_docker() {
  local docker=$images/bin/docker
  mkdir -p "$images/bin" "$images/npm"
  echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$images/policy.json"
  cat >"$docker.new" <<SH
#!/usr/bin/env bash
set -euo pipefail
export BUILDAH_ISOLATION=chroot
command=\$1
shift
buildah=('$tools/bin/buildah' --root '$images/storage' --runroot '$images/run' --storage-driver overlay --storage-opt overlay.skip_mount_home=true)
policy=(--signature-policy '$images/policy.json')
case \$command in
  build)
    exec "\${buildah[@]}" build --quiet --layers --pull-never "\${policy[@]}" --volume '$images/npm:/root/.npm:rw' \\
      --build-arg BUILD_IMAGE='$build_base' --build-arg RUNTIME_IMAGE='$runtime_base' "\$@"
    ;;
  push) exec "\${buildah[@]}" push --quiet "\${policy[@]}" \${DOCKER_PUSH_FLAGS:-} "\$@" ;;
  *) exec "\${buildah[@]}" "\$command" "\$@" ;;
esac
SH
  chmod +x "$docker.new"
  mv "$docker.new" "$docker"
}

# Node and the libraries that it is linked with.
copy_node() {
  local library
  install -D "$node" "$1/usr/local/bin/node"
  while read -r library; do install -D "$library" "$1$library"; done < <(ldd "$node" | grep -o '/[^ ]*')
}

# A shell for the scripts of packages, and npm with the machine's way to its registry.
copy_build_tools() {
  local ca
  install -D "$busybox" "$1/bin/busybox"
  mkdir -p "$1"/{usr/bin,etc,tmp,root,usr/local/lib/node_modules}
  ln -s busybox "$1/bin/sh"
  ln -s /bin/busybox "$1/usr/bin/env"
  cp -r "$npm" "$1/usr/local/lib/node_modules/"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"
  echo "registry=$(npm config get registry 2>/dev/null)" >"$1/root/.npmrc"
  ca=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
  [[ ! -e $ca ]] || install -D "$ca" "$1/etc/ssl/certs/ca-certificates.crt"
}

# Usage: make_base NAME COPY..., each of which fills the image's root.
make_base() {
  local name=$1 root container copy
  shift
  docker inspect --type image "$name" >/dev/null 2>&1 && return
  echo "making the base image $name" >&2
  root=$(mktemp -d "$images/root.XXXXXX")
  for copy in "$@"; do "$copy" "$root"; done
  chmod 755 "$root"
  container=$(docker from scratch)
  docker copy --quiet "$container" "$root" / >/dev/null
  [[ ! -d $root/root ]] || docker config --env HOME=/root --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "$container"
  docker commit --quiet --rm --signature-policy "$images/policy.json" "$container" "$name" >/dev/null
  rm -rf "$root"
}

docker() { "$images/bin/docker" "$@"; }

mkdir -p "$images"
exec 9>"$images/lock"
flock 9 # two test runs at once make the base images only once
write_docker
rm -rf "$images"/root.* # of a run that was interrupted
make_base "$runtime_base" copy_node
make_base "$build_base" copy_node copy_build_tools
echo "$images/bin"
