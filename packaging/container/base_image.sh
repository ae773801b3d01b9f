#!/bin/bash
# Makes a stand-in for a Python base image, for where no image registry is reachable: Debian packages, and a copy of the
# Python that PYTHON names, under the official image's name. It is not the official image. An image built on it shows
# that a bento builds and runs; nobody should deploy it.
#
#     base_image.sh ENGINE NAME     such as: base_image.sh podman docker.io/library/python:3.11-slim
#
# Needs root and debootstrap. DEBIAN_SUITE is the release; its C library must be as new as the one PYTHON was built with.
set -euo pipefail
engine=$1
name=$2
suite=${DEBIAN_SUITE:-bookworm}
python=${PYTHON:-python3}
command -v debootstrap >/dev/null || { echo "debootstrap is missing. Next: apt-get install debootstrap" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
# Debian's own python3 is there for the libraries that it brings
debootstrap --variant=minbase --include=ca-certificates,curl,python3 "$suite" "$root" >&2
rm -rf "$root"/var/cache/apt/archives/*.deb

read -r prefix version < <("$python" -c 'import sys; print(sys.base_prefix, "%d.%d" % sys.version_info[:2])')
mkdir -p "$root/opt/python/bin" "$root/opt/python/lib"
cp -L "$prefix/bin/python$version" "$root/opt/python/bin/"
ln -s "python$version" "$root/opt/python/bin/python3"
ln -s "python$version" "$root/opt/python/bin/python"
cp -a "$prefix"/lib/libpython* "$root/opt/python/lib/" 2>/dev/null || true  # one that is linked statically has none
tar -C "$prefix/lib" --exclude=site-packages --exclude=dist-packages --exclude=__pycache__ \
  --exclude="python$version/test" -c "python$version" | tar -C "$root/opt/python/lib" -x
chown -R root:root "$root/opt/python"
echo /opt/python/lib >"$root/etc/ld.so.conf.d/python.conf"
chroot "$root" ldconfig
chroot "$root" /opt/python/bin/python3 -m ensurepip --default-pip >&2

# the certificates that this machine trusts beside Debian's: without them nothing is downloaded behind a company's proxy
if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
  cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
fi
chroot "$root" update-ca-certificates >/dev/null
bundle=/etc/ssl/certs/ca-certificates.crt
tar -C "$root" -c . | "$engine" import \
  --change "ENV PATH=/opt/python/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
  --change "ENV PIP_CERT=$bundle" --change "ENV SSL_CERT_FILE=$bundle" - "$name" >&2
