#!/usr/bin/env bash
# Installs the Debian packages that are missing; does nothing, and needs no rights, when none is.
#   tools/install_system.sh            the packages that the demo and the tests use
#   tools/install_system.sh NAME ...   these packages
set -euo pipefail

# sip-tester: SIPp, the far end of calls.  baresip-core: the agents' phones.  flite, espeak-ng, sox: speech and its conversion to 8 kHz,
# with libsox-fmt-mp3 of recordings in MP3.
# openssl: certificates of the TLS trunk.  xz-utils, zstd: unpack the packages of the private Asterisk root.
wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=(sip-tester baresip-core flite espeak-ng sox libsox-fmt-mp3 openssl xz-utils zstd)

missing=()
for name in "${wanted[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null || true)" = installed ] || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "Missing Debian packages: ${missing[*]}. Install them as root: apt-get install ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi

echo "Installing Debian packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 "$@" \
    >"$log" 2>&1 </dev/null || { cat "$log" >&2; return 1; }
}
apt update
apt install --yes --no-install-recommends "${missing[@]}"
