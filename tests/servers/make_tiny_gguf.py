#!/usr/bin/env python3
"""Writes a tiny llama model with random weights as GGUF: `make_tiny_gguf.py OUT.gguf [SEED]`.

It says nothing sensible. It is for asking a real server real requests without downloading a model: a few hundred
kilobytes, made in a second, the same for the same seed. Needs `numpy` and `gguf`.
"""

import string
import sys

import gguf
import numpy

N_CONTEXT = 1024
N_EMBED = 64
N_HEADS = 4
N_LAYERS = 2
N_FEED_FORWARD = 128
# Large enough that the next token is far from uniform, small enough that it is far from certain.
WEIGHT_SCALE = 0.25

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


def vocabulary():
    """Tokens, scores and types of a SentencePiece vocabulary: three control tokens, all bytes, characters, a few words."""
    control = [("<unk>", gguf.TokenType.UNKNOWN), ("<s>", gguf.TokenType.CONTROL), ("</s>", gguf.TokenType.CONTROL)]
    tokens = [text.encode() for text, _ in control]
    types = [kind for _, kind in control]
    tokens += [f"<0x{byte:02X}>".encode() for byte in range(256)]
    types += [gguf.TokenType.BYTE] * 256
    space = "\u2581"
    pieces = [space] + list(string.ascii_letters + string.digits + string.punctuation)
    pieces += [space + letter for letter in string.ascii_letters]
    pieces += ["th", "he", "in", "er", "an", "the", space + "th", space + "the", space + "an", space + "and"]
    tokens += [piece.encode() for piece in pieces]
    types += [gguf.TokenType.NORMAL] * len(pieces)
    scores = [0.0] * (3 + 256) + [-float(i) for i in range(len(pieces))]
    return tokens, scores, types


def main():
    path = sys.argv[1]
    draw = numpy.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    tokens, scores, types = vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny-random")
    writer.add_context_length(N_CONTEXT)
    writer.add_embedding_length(N_EMBED)
    writer.add_block_count(N_LAYERS)
    writer.add_feed_forward_length(N_FEED_FORWARD)
    writer.add_head_count(N_HEADS)
    writer.add_head_count_kv(N_HEADS)
    writer.add_rope_dimension_count(N_EMBED // N_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(True)
    writer.add_chat_template(CHAT_TEMPLATE)

    def random(name, *shape):
        writer.add_tensor(name, draw.normal(0.0, WEIGHT_SCALE, shape).astype(numpy.float32))

    def ones(name, n):
        writer.add_tensor(name, numpy.ones(n, dtype=numpy.float32))

    random("token_embd.weight", len(tokens), N_EMBED)
    for layer in range(N_LAYERS):
        block = f"blk.{layer}"
        ones(f"{block}.attn_norm.weight", N_EMBED)
        for part in ["attn_q", "attn_k", "attn_v", "attn_output"]:
            random(f"{block}.{part}.weight", N_EMBED, N_EMBED)
        ones(f"{block}.ffn_norm.weight", N_EMBED)
        random(f"{block}.ffn_gate.weight", N_FEED_FORWARD, N_EMBED)
        random(f"{block}.ffn_up.weight", N_FEED_FORWARD, N_EMBED)
        random(f"{block}.ffn_down.weight", N_EMBED, N_FEED_FORWARD)
    ones("output_norm.weight", N_EMBED)
    random("output.weight", len(tokens), N_EMBED)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
