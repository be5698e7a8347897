#!/usr/bin/env bash
# A private registry and its client, Debian's docker-registry and skopeo.
#
#   registry-tools.sh    prints the folder that holds docker-registry and skopeo
#
# Needs Debian 12; root only for the first run.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# skopeo's libraries, those left out that every Debian has.
tools=$("$here/debian-packages.sh" registry-tools docker-registry skopeo libgpgme11 libassuan0 libgpg-error0 libdevmapper1.02.1)
echo "$tools/bin"
