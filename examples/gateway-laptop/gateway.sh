#!/bin/sh
# A gateway on this machine, to an app on this machine:
#
#     cd ../hello-text && cogfal serve            # in another terminal
#     ./gateway.sh
#
# Programs find it with REPLICATE_BASE_URL=http://localhost:8787 (Python) or
# baseUrl: "http://localhost:8787/v1" (JavaScript). For an app on fal, name it as fal does:
# acme/greeter=your-name/greeter; each caller's token is then their own fal key.
exec cogfal gateway \
    acme/greeter="${GREETER:-http://127.0.0.1:8080}" \
    --port "${PORT:-8787}"
