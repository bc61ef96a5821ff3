"""Writes the rows of the embedded n-gram model into machine.jsonl: what it makes of each human text's first words.

The model is fitted on the crawl's prose and served by `gristmill lm serve`. Python 3.9 or newer, standard library only.
"""

import json
import pathlib
import re
import subprocess
import sys
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PROSE = sorted((HERE.parent / "crawl" / "texts").glob("en-*.txt"))
SHARED_WORDS = 20
N_WORDS = 92
MODEL = "ngram"


def rows(name):
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


def complete(url, start):
    """The continuation of a text, in one line."""
    body = {"model": MODEL, "prompt": start, "max_tokens": 2 * N_WORDS, "temperature": 1.0, "seed": 0}
    request = urllib.request.Request(
        url + "/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request) as reply:
        return " ".join(json.load(reply)["choices"][0]["text"].split())


def written(url, text):
    """A text of as many words that begins like the given one; the model is asked again where it stops early."""
    made = " ".join(text.split()[:SHARED_WORDS])
    while len(made.split()) < N_WORDS:
        more = complete(url, made)
        # A model that has nothing to say begins a new sentence.
        made += " " + (more or "The")
    return " ".join(made.split()[:N_WORDS])


def main(program):
    served = subprocess.Popen(
        [program, "lm", "serve", "--port", "0", "--files", *map(str, PROSE)], stdout=subprocess.PIPE, text=True
    )
    try:
        url = re.search(r"http://\S+", served.stdout.readline()).group(0)
        made = [
            {"id": row["id"], "domain": row["domain"], "model": MODEL, "text": written(url, row["text"])}
            for row in rows("human.jsonl")
        ]
    finally:
        served.terminate()
    kept = [row for row in rows("machine.jsonl") if row["model"] != MODEL]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in kept + made]
    (HERE / "machine.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
