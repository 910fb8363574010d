#!/bin/sh
# Installs the real parts that the tests drive, where they are missing. Debian only; elsewhere it names what to install.
set -eu
missing=""
need() { # package, then any file or command that proves it is there
  package=$1
  shift
  for proof in "$@"; do
    if [ -e "$proof" ] || command -v "$proof" >/dev/null 2>&1; then return 0; fi
  done
  missing="$missing $package"
}
PATH="$PATH:/usr/sbin:/usr/local/sbin"
need mosquitto mosquitto
need chromium chromium chromium-browser google-chrome
need postgresql /usr/lib/postgresql/*/bin/initdb
need fonts-noto-core /usr/share/fonts/truetype/noto
need gstreamer1.0-tools gst-launch-1.0
multiarch=$(gcc -print-multiarch 2>/dev/null || echo "$(uname -m)-linux-gnu")
need gstreamer1.0-plugins-base "/usr/lib/$multiarch/gstreamer-1.0/libgstapp.so"
need gstreamer1.0-plugins-good "/usr/lib/$multiarch/gstreamer-1.0/libgstrtsp.so"
need gstreamer1.0-plugins-bad "/usr/lib/$multiarch/gstreamer-1.0/libgstvideoparsersbad.so"
need gstreamer1.0-plugins-ugly "/usr/lib/$multiarch/gstreamer-1.0/libgstx264.so"
need gstreamer1.0-libav "/usr/lib/$multiarch/gstreamer-1.0/libgstlibav.so"
need gir1.2-gst-rtsp-server-1.0 "/usr/lib/$multiarch/girepository-1.0/GstRtspServer-1.0.typelib"
need python3-gi /usr/lib/python3/dist-packages/gi
need libfaketime "/usr/lib/$multiarch/faketime/libfaketimeMT.so.1"
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
  echo "please install:$missing" >&2
  exit 1
fi
run=""
if [ "$(id -u)" != 0 ]; then run="sudo -n"; fi
echo "installing$missing ..."
export DEBIAN_FRONTEND=noninteractive
if ! { $run apt-get update -qq && $run apt-get install -y -qq --no-install-recommends $missing; } >/dev/null; then
  echo "could not install them; as root: apt-get install$missing" >&2
  exit 1
fi
