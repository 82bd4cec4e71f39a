#!/usr/bin/env bash
# Whether the server on this machine is ready, asked with nothing but bash, for images that hold little else. Bash speaks
# no TLS: of a server that does, it is known alone that it answers, with the 400 that it has for those who do not.
set -euo pipefail

port=${LYCEUM_LISTEN:-127.0.0.1:8080}
port=${port##*:}
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'GET /readyz HTTP/1.1\r\nHost: localhost:%s\r\nConnection: close\r\n\r\n' "$port" >&3
read -r -t 4 _ status _ <&3
[ "$status" = 200 ] || [ "$status" = 400 ]
