"""What the proof must know of each dialect: where the answer's words, calls, thoughts and counts are."""
import json


class Chat:
    """`/v1/chat/completions`"""

    def ids(self, said):
        return {call["id"] for call in said["choices"][0]["message"].get("tool_calls", [])}

    def echoed(self, text):
        """What of an answer must come back, as the server wrote it."""
        return [raw(text, "message")]

    def thoughts(self, said):
        return [said["choices"][0]["message"].get("reasoning_content", "")]

    def without_reasoning(self, asked):
        messages = [{key: value for key, value in m.items() if key != "reasoning_content"} for m in asked["messages"]]
        return asked | {"messages": messages}

    def tokens(self, said):
        return said["usage"]["prompt_tokens"], said["usage"]["completion_tokens"]


class Responses:
    """`/v1/responses`"""

    def ids(self, said):
        return {item["call_id"] for item in said["output"] if item["type"] == "function_call"}

    def echoed(self, text):
        return items(raw(text, "output"))

    def thoughts(self, said):
        return [part["text"] for item in said["output"] if item["type"] == "reasoning" for part in item["content"]] or [""]

    def without_reasoning(self, asked):
        return asked | {"input": [item for item in asked["input"] if item.get("type") != "reasoning"]}

    def tokens(self, said):
        return said["usage"]["input_tokens"], said["usage"]["output_tokens"]


class Messages:
    """`/v1/messages`"""

    def ids(self, said):
        return {block["id"] for block in said["content"] if block["type"] == "tool_use"}

    def echoed(self, text):
        return [raw(text, "content")]

    def thoughts(self, said):
        return [block["thinking"] for block in said["content"] if block["type"] == "thinking"] or [""]

    def without_reasoning(self, asked):
        return asked | {"messages": [self.thoughtless(message) for message in asked["messages"]]}

    def thoughtless(self, message):
        if message["role"] != "assistant":
            return message
        return message | {"content": [block for block in message["content"] if block["type"] != "thinking"]}

    def tokens(self, said):
        """What the cache gave is counted apart."""
        usage = said["usage"]
        cached = usage.get("cache_read_input_tokens", 0) + usage.get("cache_creation_input_tokens", 0)
        return usage["input_tokens"] + cached, usage["output_tokens"]


DIALECTS = {"chat": Chat(), "responses": Responses(), "messages": Messages()}
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
MODELS = {"chat": "openai-api/chat/scripted", "responses": "openai-api/responses/scripted", "messages": "anthropic/scripted"}


def raw(text, field):
    """A field's value exactly as the server wrote it, where it first stands."""
    start = text.index(f'"{field}":') + len(field) + 3
    _, end = json.JSONDecoder().raw_decode(text, start)
    return text[start:end]


def items(array):
    """The elements of an array, each as it was written."""
    found, place = [], 1
    while array[place] != "]":
        _, end = json.JSONDecoder().raw_decode(array, place)
        found.append(array[place:end])
        place = end + (array[end] == ",")
    return found
