#!/bin/sh
# What the decoder in C is built and tested with, where it is missing.
# `fetch_c_tools.sh` installs a C compiler, which needs apt-get and root. `fetch_c_tools.sh build/c-tools` unpacks
# ladspa-sdk and valgrind into that folder too, which needs apt-get alone, with what this machine lacks for them. What
# cannot be had is said, and its tests are skipped.
set -eu

# apt-get, after its lists where there are none yet.
apt() {
  command -v apt-get > /dev/null || return 1
  if [ "$(id -u)" = 0 ] && ! ls /var/lib/apt/lists/*_Packages* > /dev/null 2>&1; then
    apt-get -qq update || return 1
  fi
  DEBIAN_FRONTEND=noninteractive apt-get -qq --no-install-recommends "$@"
}

if ! command -v "${CC:-cc}" > /dev/null; then
  if [ -n "${CC:-}" ] || [ "$(id -u)" != 0 ] || ! apt install gcc libc6-dev; then
    echo "${CC:-a C compiler} is missing: install gcc and libc6-dev, or name a compiler in CC" >&2
    exit 1
  fi
fi
[ $# -gt 0 ] || exit 0

folder=$1
missing=
command -v applyplugin > /dev/null && [ -e /usr/include/ladspa.h ] || missing="ladspa-sdk"
command -v valgrind > /dev/null || missing="$missing valgrind"
if [ -z "$missing" ] || [ "$missing" = "$(cat "$folder/holds" 2> /dev/null)" ]; then
  exit 0
fi
rm -rf "$folder"
mkdir -p "$folder/debs/partial" "$folder/root"
folder=$(realpath "$folder")
root=$folder/root
# shellcheck disable=SC2086
if ! apt -o Debug::NoLocking=1 -o Dir::Cache::archives="$folder/debs/" --download-only install $missing; then
  echo "not to be had from apt-get, so tests are skipped:" $missing >&2
  exit 0
fi
for deb in "$folder"/debs/*.deb; do
  # Of an installed package this is another version, which would not fit the rest of the machine.
  dpkg-query --show --showformat '${db:Status-Status}' "$(dpkg-deb --field "$deb" Package)" 2> /dev/null |
    grep --quiet '^installed' || dpkg-deb --extract "$deb" "$root"
done
rm -r "$folder/debs"
# Valgrind needs the C library's debug files, and looks for them by name below debug/usr/lib/x86_64-linux-gnu.
mkdir "$folder/names"
find "$root" -path '*/.build-id/*.debug' -exec ln -s -t "$folder/names" {} +
for place in /usr/lib/*-linux-gnu /lib/*-linux-gnu; do
  mkdir -p "$folder/debug${place%/*}"
  ln -s "$folder/names" "$folder/debug$place"
done
valgrind=$(find "$root" -name 'vgpreload_core-*' -print -quit)
for name in applyplugin analyseplugin valgrind; do
  [ -e "$root/usr/bin/$name" ] || continue
  cat > "$folder/$name" << END
#!/bin/sh
export LD_LIBRARY_PATH="$(echo "$root"/usr/lib/*-linux-gnu)"
export VALGRIND_LIB="$(dirname "$valgrind")" VALGRIND_OPTS="--extra-debuginfo-path=$folder/debug"
exec "$root/usr/bin/$name" "\$@"
END
  chmod +x "$folder/$name"
done
if [ -n "$valgrind" ] && ! "$folder/valgrind" --quiet true; then
  echo "valgrind does not run from $folder, so its test is skipped; install it" >&2
  rm "$folder/valgrind"
fi
echo "$missing" > "$folder/holds"
