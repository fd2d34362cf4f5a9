#!/bin/sh
# What the tests of the decoder in C need beside a TFLite library: a compiler and LADSPA's header and host.
# `sh tests/helpers/fetch_c_tools.sh build/c-tools` installs a missing compiler, which needs apt-get and root, and
# unpacks ladspa-sdk into a folder, which needs apt-get alone. What cannot be had is said, and its tests are skipped.
set -eu
folder=$1
if ! command -v "${CC:-cc}" > /dev/null; then
  if ! command -v apt-get > /dev/null || [ "$(id -u)" != 0 ]; then
    echo "make c-test needs a C compiler: install gcc and libc6-dev, or name one in CC" >&2
    exit 1
  fi
  apt-get --quiet --yes update
  apt-get --quiet --yes --no-install-recommends install gcc libc6-dev
fi
if command -v applyplugin > /dev/null && [ -e /usr/include/ladspa.h ] || [ -e "$folder/usr/include/ladspa.h" ]; then
  exit 0
fi
mkdir -p "$folder"
cd "$folder"
if command -v apt-get > /dev/null && apt-get --quiet download ladspa-sdk; then
  dpkg-deb --extract ladspa-sdk_*.deb .
  rm ladspa-sdk_*.deb
else
  echo "no ladspa-sdk to be had: the tests of the plug-in are skipped" >&2
fi
