#!/bin/sh
# Unpack Debian's Chromium, with all that this machine lacks of it, into a folder: nothing is installed.
# `tests/helpers/fetch_chromium.sh build/chromium` makes build/chromium/chromium, which needs apt-get but no root.
set -eu
folder=$1
root=$folder/root/usr/lib
rm -rf "$folder"
mkdir -p "$folder/debs/partial" "$folder/root"
apt-get --quiet --yes --no-install-recommends --download-only -o Debug::NoLocking=1 \
  -o Dir::Cache::archives="$(realpath "$folder")/debs/" install chromium
for deb in "$folder"/debs/*.deb; do
  dpkg-deb --extract "$deb" "$folder/root"
done
rm -r "$folder/debs"
libraries=$(echo "$(realpath "$root")"/*-linux-gnu)
cat > "$folder/chromium" << END
#!/bin/sh
export LD_LIBRARY_PATH="$libraries:$libraries/pulseaudio"
exec "$(realpath "$root")/chromium/chromium" "\$@"
END
chmod +x "$folder/chromium"
