#!/bin/sh
# Builds the image and runs it as compose.yaml does, where there is no Docker engine and no registry of images: buildah
# and podman in place of Docker, a root of debootstrap in place of python:slim. Debian, as root:
#
#   apt-get install -y --no-install-recommends buildah podman crun debootstrap
#   sh deploy/prove.sh
#
# What it cannot prove: the image python:slim itself, the network between containers, the model server.
set -eu
cd "$(dirname "$0")/.."
if [ "${1-}" != inside ]; then
    work=$(mktemp -d)
    # The watchers of ended containers need a moment to let go of their files.
    trap 'rm -rf --one-file-system "$work" 2>/dev/null || { sleep 5; rm -rf --one-file-system "$work"; }' EXIT
    # In a mount namespace of its own: crun refuses machines that have both kinds of cgroups.
    unshare --mount sh "$0" inside "$work"
    exit
fi

work=$2
port=28471
umount -l /sys/fs/cgroup/unified 2>/dev/null || true
printf '[storage]\ndriver = "overlay"\nrunroot = "%s/run"\ngraphroot = "%s/graph"\n' "$work" "$work" >"$work/storage.conf"
export CONTAINERS_STORAGE_CONF="$work/storage.conf"
mount -t tmpfs tmpfs /run  # where podman keeps its state

said() { printf '== %s\n' "$*"; }
fail() { said "FAILED: $*"; podman logs dragoman 2>&1 | tail -20; podman rm -f dragoman >/dev/null 2>&1; exit 1; }

said "a root in place of python:slim"
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates stable "$work/root" >"$work/debootstrap.log" ||
    { tail "$work/debootstrap.log"; exit 1; }
container=$(buildah from scratch)
buildah add -q "$container" "$work/root" / >/dev/null
buildah commit -q "$container" localhost/python-slim >/dev/null

said "docker build"
buildah bud -q --format docker --isolation chroot --network host --build-arg PYTHON_IMAGE=localhost/python-slim \
    -v /etc/ssl/certs:/etc/ssl/certs:ro -t dragoman . >"$work/build.log" 2>&1 || { tail "$work/build.log"; exit 1; }

# As compose.yaml says; limits that this machine may not raise are kept as they are.
start() {
    podman run -d --name dragoman --network host --cgroups=disabled --no-healthcheck \
        --ulimit nofile=4096:4096 --ulimit nproc=4096:4096 \
        --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
        -v "$work/config:/config" -v data:/data -e DRAGOMAN_LISTEN=":$port" "$@" localhost/dragoman >/dev/null
    tries=0
    until podman exec dragoman dragoman health >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 30 ] || fail "it does not become well"
    done
}
stop() {
    podman stop -t 40 dragoman >/dev/null
    status=$(podman inspect dragoman --format '{{.State.ExitCode}}')
    podman rm dragoman >/dev/null
    [ "$status" = 0 ] || fail "SIGTERM ended it with status $status"
}
first_key() { podman logs dragoman 2>&1 | sed -n 's/.*OPENAI_API_KEY=\(sk-[a-z0-9]*\).*/\1/p'; }

mkdir "$work/config"
said "docker run, with nothing given: a key is made, and stays"
start
key=$(first_key)
[ -n "$key" ] || fail "no key is shown"
curl -sf "http://127.0.0.1:$port/v1/models" && fail "it serves without a key"
curl -sf -H "x-api-key: $key" "http://127.0.0.1:$port/v1/models" | grep -q dragoman-demo || fail "the key does not open it"
podman exec dragoman sh -c 'touch /x' 2>/dev/null && fail "the root can be written"
podman exec dragoman sh -c 'test "$(id -u)" = 10001 && touch /data/x /tmp/x' || fail "uid, /data or /tmp is wrong"
podman exec dragoman grep -q 'CapEff:.*0000000000000000' /proc/1/status || fail "it has capabilities"
podman exec dragoman python3 -c 'from rapidocr import RapidOCR; RapidOCR()' >/dev/null 2>&1 || fail "it cannot read scans"
[ "$(podman exec dragoman cat /proc/1/comm)" = tini ] || fail "process 1 is not tini"
stop
start
[ "$(first_key)" = "$key" ] || fail "the key is another after a restart"
stop

said "with the configuration of compose.yaml and a key"
cp deploy/compose/config.yaml "$work/config/"
start -e DRAGOMAN_KEY=sk-0123456789abcdef
curl -sf -H "x-api-key: sk-0123456789abcdef" "http://127.0.0.1:$port/v1/models" | grep -q '"qwen"' || fail "no qwen"
key=$(podman exec --user 0:0 dragoman dragoman keys add alice | tail -1)
tries=0
until curl -sf -H "x-api-key: $key" "http://127.0.0.1:$port/v1/models" >/dev/null; do
    tries=$((tries + 1))
    [ $tries -lt 20 ] || fail "the new key does not open it"
    sleep 0.5
done
curl -sf -H "x-api-key: sk-0123456789abcdef" "http://127.0.0.1:$port/v1/models" >/dev/null && fail "the first key still does"
podman exec dragoman dragoman usage --json >/dev/null || fail "usage cannot be read"
stop
said "all is well"
