"""Which dialect a path is for."""
ENDS = {"/chat/completions": "openai-chat", "/responses": "openai-responses", "/messages": "anthropic-messages", ":generateContent": "gemini"}


def dialect_of(path):
    [dialect] = [dialect for end, dialect in ENDS.items() if path.split("?")[0].endswith(end)]
    return dialect
