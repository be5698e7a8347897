#!/usr/bin/env bash
# Unpacks Debian packages into a folder of the cache, once, and does not install them: installed, some would start servers by
# themselves or set up a container network.
#
#   debian-packages.sh NAME PACKAGE...    prints the folder NAME of the cache; its bin holds the packages' commands
#
# Needs Debian 12; root only for the first run, to refresh the package lists.
set -euo pipefail

name=$1
shift
cache=${XDG_CACHE_HOME:-$HOME/.cache}/acr-credential-injector/packages
folder=$cache/$name

is_unpacked() { [[ $(cat "$folder/packages" 2>/dev/null) == "$*" ]]; }

unpack() {
  local package
  apt-get update -qq
  apt-get download -qq -o APT::Sandbox::User=root "$@"
  for package in *.deb; do dpkg-deb -x "$package" root; done
  rm ./*.deb
  echo "$*" >packages
}

# The packages' libraries are for the packages' commands.
write_commands() {
  local command libraries
  mkdir bin
  libraries=$(find root -path '*-linux-gnu' -type d -printf "$folder/%p:")
  while read -r command; do
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "'$libraries'" "'$folder/$command'" >"bin/${command##*/}"
    chmod +x "bin/${command##*/}"
  done < <(find root/bin root/sbin root/usr/bin root/usr/sbin -type f -executable 2>/dev/null)
}

mkdir -p "$cache"
exec 9>"$folder.lock"
flock 9 # two test runs at once unpack only once
if ! is_unpacked "$@"; then
  rm -rf "$folder" && mkdir "$folder" && cd "$folder"
  unpack "$@" >&2
  write_commands
fi
echo "$folder"
