#!/usr/bin/env bash
# Starts llama-cpp-python's OpenAI-compatible server on loopback with a tiny random model, to try the client against a
# server that is not ours:
#
#   tests/servers/llama_cpp.sh &            # prints the address once it answers, then waits
#   gristmill lm probe --url http://127.0.0.1:8089/v1 --model tiny
#
# First run: makes a virtual environment and builds llama.cpp there (10 to 20 minutes on two cores, needs a C++
# compiler; cmake and ninja come from PyPI). Set by the environment: PYTHON, GRISTMILL_SERVER_DIR (where the environment
# and the model are kept), PORT, LOGITS_ALL (true: prompts are scored too; false: the server refuses log-probabilities),
# EMBEDDING (true: it gives embeddings; the tiny model pools nothing, so that each token has its own).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}
dir=${GRISTMILL_SERVER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/gristmill-llama-cpp}
port=${PORT:-8089}
logits_all=${LOGITS_ALL:-true}

mkdir -p "$dir"
if ! [ -x "$dir/venv/bin/python" ]; then
    "$python" -m venv "$dir/venv"
fi
if ! "$dir/venv/bin/python" -c 'import gguf, llama_cpp.server' 2>/dev/null; then
    "$dir/venv/bin/pip" install --no-cache-dir gguf numpy 'llama-cpp-python[server]' >&2
fi
[ -s "$dir/tiny.gguf" ] || "$dir/venv/bin/python" "$here/make_tiny_gguf.py" "$dir/tiny.gguf" 0

"$dir/venv/bin/python" -m llama_cpp.server \
    --model "$dir/tiny.gguf" --model_alias tiny --host 127.0.0.1 --port "$port" \
    --n_ctx 1024 --n_threads 2 --logits_all "$logits_all" --embedding "${EMBEDDING:-false}" >"$dir/server.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT INT TERM

for _ in $(seq 120); do
    if "$dir/venv/bin/python" -c "import urllib.request as r; r.urlopen('http://127.0.0.1:$port/v1/models', timeout=1)" 2>/dev/null; then
        echo "http://127.0.0.1:$port/v1"
        wait "$server"
        exit
    fi
    kill -0 "$server" 2>/dev/null || { tail -20 "$dir/server.log" >&2; exit 1; }
    sleep 0.5
done
echo "the server did not answer within a minute" >&2
exit 1
