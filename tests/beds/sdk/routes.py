"""Which dialect a path or a frozen conversation is for, and whose."""
ENDS = {"/chat/completions": "openai-chat", "/responses": "openai-responses", "/messages": "anthropic-messages", ":generateContent": "gemini"}


def dialect_of(path):
    [dialect] = [dialect for end, dialect in ENDS.items() if path.split("?")[0].endswith(end)]
    return dialect


def frozen(folder, ending):
    """The files that the example `requests` wrote, DIALECT/NAME.N and this ending: dialect, provider, name, text."""
    for file in sorted(folder.glob("*/*.json")):
        name, numbered = file.name.split(".", 1)
        if numbered.lstrip("0123456789") == ending:
            dialect = file.parent.name
            yield dialect, name.split("-")[1] if dialect == "openai-chat" else dialect, file.name, file.read_text()
