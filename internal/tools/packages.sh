#!/bin/sh
# Installs the Debian packages of missing programs. Each argument is
# <program>:<package>. Needs root or sudo to install. Starts no service and removes
# no package.
set -eu

PATH=$PATH:/usr/sbin:/sbin

missing=
for wanted in "$@"; do
	command -v "${wanted%%:*}" >/dev/null || missing="$missing ${wanted#*:}"
done
[ -n "$missing" ] || exit 0

give_up() {
	echo "packages: $1" >&2
	echo "packages: the tests need the programs of:$missing (Debian: apt-get install$missing)" >&2
	exit 1
}

command -v apt-get >/dev/null || give_up "apt-get is missing"
if [ "$(id -u)" -eq 0 ]; then
	root=
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
	root=sudo
else
	give_up "installing what is missing takes root or sudo"
fi

# apt runs apt-get without questions, after waiting for another apt-get.
apt() {
	$root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# Packages start their services unless a policy forbids it. The machine's own policy
# is restored afterwards. A policy left by a killed run of this script is replaced.
policy=/usr/sbin/policy-rc.d
ours="# Until Video Tutorials has installed its packages."
if [ ! -e "$policy" ] || grep -qxF "$ours" "$policy"; then
	trap '$root rm -f "$policy"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	printf '#!/bin/sh\n%s\nexit 101\n' "$ours" | $root tee "$policy" >/dev/null
	$root chmod 755 "$policy"
fi

echo "packages: installing Debian's$missing with apt-get (no service is started)" >&2
apt update >&2 || echo "packages: apt-get update failed; continuing with the existing package lists" >&2
# A machine has one mail server; an existing one is not removed.
# shellcheck disable=SC2086
apt install -y --no-install-recommends --no-remove $missing >&2 || give_up "apt-get could not install$missing"
