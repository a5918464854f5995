"""tests/peers/llama/serve.py with a longer context for each conversation.

    python serve_wide.py MODEL.gguf PORT

serve.py divides 32,768 tokens among four conversations; tampering comes to about 10,000 of the byte-sized tokens, in each of
three dialects at once.
"""
import pathlib
import runpy

import xllamacpp

CONVERSATIONS = 3
CONVERSATION_TOKENS = 16_384


real_server = xllamacpp.Server


def wide_server(parameters):
    parameters.n_parallel, parameters.n_ctx = CONVERSATIONS, CONVERSATIONS * CONVERSATION_TOKENS
    return real_server(parameters)


xllamacpp.Server = wide_server
runpy.run_path(str(pathlib.Path(__file__).parents[2] / "peers/llama/serve.py"), run_name="__main__")
