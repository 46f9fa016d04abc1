#!/bin/sh
# Finds Postgres 15 or newer where package pgserver looks for it, or installs
# Debian's with apt-get, when root or where sudo is to be had. No cluster is made
# or started: only the programs are needed.
set -eu

oldest=15

# found prints the folder of the newest one, if there is any.
found() {
	best=0 folder=
	# Only PATH is split at colons, and the patterns are there to be expanded.
	old_ifs=$IFS
	IFS=:
	set -f
	# shellcheck disable=SC2086
	set -- $PATH
	set +f
	IFS=$old_ifs
	for dir in "$@" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin \
		/usr/local/opt/postgresql*/bin /home/linuxbrew/.linuxbrew/opt/postgresql*/bin; do
		if [ -x "$dir/postgres" ] && [ -x "$dir/initdb" ]; then
			version=$("$dir/postgres" --version | sed -n 's/.*(PostgreSQL) \([0-9]*\).*/\1/p')
			if [ "${version:-0}" -gt "$best" ]; then
				best=$version folder=$dir
			fi
		fi
	done
	[ "$best" -ge "$oldest" ] && echo "$folder"
}

give_up() {
	echo "postgres: $1" >&2
	echo "postgres: install Postgres $oldest or newer (Debian: apt-get install postgresql; macOS: brew install postgresql)," >&2
	echo "postgres: or, to run the system, set VT_DATABASE_URL to one that runs. The tests need the programs." >&2
	exit 1
}

if found >/dev/null; then
	exit 0
fi

command -v apt-get >/dev/null || give_up "there is no Postgres $oldest or newer here, and no apt-get to install it"
if [ "$(id -u)" -eq 0 ]; then
	root=
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
	root=sudo
else
	give_up "there is no Postgres $oldest or newer here, and installing it takes root or sudo"
fi

# apt runs apt-get without questions, waiting for another that runs.
apt() {
	$root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

echo "postgres: there is none; installing Debian's package postgresql with apt-get (no cluster is made)" >&2
apt update >&2 || echo "postgres: apt-get update failed; going on with the package lists that are here" >&2
apt install -y --no-install-recommends postgresql-common >&2 || give_up "apt-get could not install postgresql-common"

# The package makes and starts a cluster unless told not to; afterwards the
# machine's own choice holds again.
# A copy that is there is that choice, left when this script was killed.
choice=/etc/postgresql-common/createcluster.conf
[ -e "$choice.videotutorials" ] || $root cp -p "$choice" "$choice.videotutorials"
restore() { $root mv -f "$choice.videotutorials" "$choice"; }
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
echo "create_main_cluster = false" | $root tee -a "$choice" >/dev/null
apt install -y --no-install-recommends postgresql >&2 || give_up "apt-get could not install postgresql"

folder=$(found) || give_up "apt-get installed a Postgres older than $oldest"
echo "postgres: installed in $folder" >&2
