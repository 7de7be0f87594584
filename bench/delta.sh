#!/usr/bin/env bash
# Measures updates below the layer: what dray save --base carries of a changed
# layer, what that costs on both sides, and what zstd --patch-from makes of the tars.
#
#	bench/delta.sh [CASE…]     package rebuilt security slim edited, large (default: all but that)
#
# Layers are made of the files of this Debian machine and of packages that apt
# downloads, and compressed by Go's gzip at its default level, as Docker's are, or by
# $LAYER_GZIP ('libdeflate-gzip -6 -n': an encoder that dray does not know). Needs
# go, zstd, GNU time and 3 GB in $TMPDIR, for large 10 GB and 4 GB of memory.
set -euo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/dray-delta.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir bin gz
(cd "$repo" && CGO_ENABLED=0 go build -trimpath -o "$dir/bin/dray" ./cmd/dray)
cat >gz/main.go <<'GO'
package main

import (
	"compress/gzip"
	"io"
	"os"
)

func main() {
	w := gzip.NewWriter(os.Stdout)
	if _, err := io.Copy(w, os.Stdin); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
}
GO
(cd gz && go build -o ../bin/gogzip main.go)
PATH=$dir/bin:$PATH
export DRAY_PROGRESS=none

# versions PACKAGE: the two newest that apt has
versions() { apt-cache madison "$1" | awk '$NF == "Packages" { print $3 }' | sort -uV | tail -2; }

# unpack FOLDER PACKAGE=VERSION…
unpack() {
	local to=$1 deb
	shift
	mkdir -p "$to" debs
	(cd debs && apt-get download -qq "$@" 2>/dev/null)
	for deb in debs/*.deb; do dpkg-deb -x "$deb" "$to"; done
	rm -r debs
}

# tree FOLDER: a large layer, of what is installed
tree() {
	mkdir -p "$1"
	cp -a --parents /usr/lib/python3* /usr/share/perl* /usr/share/doc /usr/lib/git-core /var/lib/dpkg/info "$1" 2>/dev/null || true
	cp --parents /var/lib/dpkg/status "$1"
}

# add PACKAGE…: new is old and their files, the list of packages, and what every build makes anew
add() {
	local p v=()
	cp -a old new
	for p in "$@"; do v+=("$p=$(versions "$p" | tail -1)"); done
	unpack new "${v[@]}"
	for p in "$@"; do printf 'Package: %s\nVersion: 1\n\n' "$p" >>new/var/lib/dpkg/status; done
	find new -name '*.pyc' -exec touch {} +
}

package() { # one is added
	tree old
	add openssl
}

large() { # one of 16 MB is added to more than a GB
	tree old
	cp -a --parents /usr/bin /usr/share old
	add mercurial mercurial-common
}

rebuilt() { # nothing is new but times, and a log
	tree old
	cp -a old new
	find new -exec touch -h {} +
	date >new/var/log
}

security() { # of libraries and what is built with them
	local p v
	for p in openssl libssl3 perl-base libperl5.36 perl-modules-5.36 curl libcurl4; do
		mapfile -t v < <(versions $p)
		unpack old "$p=${v[0]}"
		unpack new "$p=${v[-1]}"
	done
}

slim() { # likewise, without manuals
	security
	rm -r {old,new}/usr/share/{man,doc}
}

edited() { # fifteen files of an application
	mkdir old
	cp -a /usr/lib/python3* old
	cp -a old new
	find new -name '*.py' -size +4k | sort | awk 'NR % 97 == 1' | head -15 | xargs sed -i '5i # edited'
}

# spent NAME COMMAND…: CPU seconds and peak memory
spent() {
	local name=$1
	shift
	/usr/bin/time -f "  $name: %U+%S CPU s, %e s, %M KB" -o spent "$@" >/dev/null 2>err || { cat err; exit 1; }
	cat spent
}

measure() {
	echo "== $1"
	"$1"
	for v in old new; do
		tar -C $v --sort=name -cf $v.tar .
		${LAYER_GZIP:-gogzip} <$v.tar >$v.tar.gz
		dray append -q scratch --platform linux/amd64 --layer $v.tar.gz -t oci:l$v:1 --home none >/dev/null 2>&1
		rm -rf "${v:?}"
	done
	echo "  unpacked $(stat -c %s new.tar), layer $(stat -c %s new.tar.gz)"
	spent "make" dray save --base oci:lold:1 oci:lnew:1 -o update.tar --home none
	spent "apply" dray copy -q update.tar --with oci:lold:1 oci:there --home none
	dray verify oci:there --binaries none >/dev/null 2>&1
	spent "zstd -3 --patch-from" zstd -q -f -3 --long=31 --patch-from=old.tar new.tar -o patch.zst
	spent "zstd, applied" zstd -q -f -d --long=31 --patch-from=old.tar patch.zst -o applied.tar
	local layer
	layer=$(stat -c %s new.tar.gz)
	for f in update.tar patch.zst; do
		stat -c '%n %s' $f | awk -v l="$layer" '{ printf "  %s: %d bytes, %.3f %% of the layer\n", $1, $2, 100 * $2 / l }'
	done
	rm -rf old new lold lnew ./*.tar ./*.tar.gz ./*.zst there none
}

for c in "${@:-package rebuilt security slim edited}"; do
	for one in $c; do measure "$one"; done
done
