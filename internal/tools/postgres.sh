#!/bin/sh
# Finds Postgres 15 or newer in the folders that package pgserver searches, or
# installs Debian's package, with root or sudo. It creates and starts no cluster: only
# the programs are needed.
set -eu

oldest=15

# found prints the folder of the newest Postgres and fails if there is none.
found() {
	best=0 folder=
	# Split only PATH at colons; expand the patterns.
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
	echo "postgres: or, to run the system, set VT_DATABASE_URL to a running server. The tests need the programs." >&2
	exit 1
}

if found >/dev/null; then
	exit 0
fi

command -v apt-get >/dev/null || give_up "Postgres $oldest or newer is missing, and apt-get too"
if [ "$(id -u)" -eq 0 ]; then
	root=
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
	root=sudo
else
	give_up "Postgres $oldest or newer is missing, and installing it takes root or sudo"
fi

# apt runs apt-get without questions, after waiting for another apt-get.
apt() {
	$root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

echo "postgres: installing Debian's package postgresql with apt-get (no cluster is created)" >&2
apt update >&2 || echo "postgres: apt-get update failed; continuing with the existing package lists" >&2
apt install -y --no-install-recommends postgresql-common >&2 || give_up "apt-get could not install postgresql-common"

# The package creates and starts a cluster unless configured otherwise. The machine's
# own configuration is restored afterwards. An existing copy of it was left by a
# killed run of this script.
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
