"""One conversation through each SDK's own client: the same few words for all four dialects.

`say(results)` sends the tools' results of the calls before and returns the new calls, as (id, name, arguments);
`forget()` takes the reasoning out of what was said, and tells whether there was any.
"""
import json

import anthropic
import openai
from answer_types import unknown
from google import genai
from google.genai import types

MAX_OUTPUT_TOKENS = 8_192
TIMEOUT_SECONDS = 20
ANY = {"type": "object", "properties": {}, "additionalProperties": True}


class Chat:
    REASONING = ("reasoning_content", "reasoning", "reasoning_details")

    def __init__(self, address, key, opening, tools, **options):
        self.api = openai.OpenAI(base_url=address, api_key=key, **{"max_retries": 0, "timeout": TIMEOUT_SECONDS} | options)
        self.messages = list(opening)
        self.tools = [{"type": "function", "function": {"name": name, "description": name, "parameters": ANY}} for name in tools]

    def ask(self, **changes):
        request = {"model": "sim/obedient", "messages": self.messages, "tools": self.tools, "max_completion_tokens": MAX_OUTPUT_TOKENS, "seed": 7}
        return self.api.chat.completions.create(**request | changes)

    def say(self, results):
        self.messages += [{"role": "tool", "tool_call_id": id, "content": content} for id, content in results]
        answer = self.ask()
        [choice] = answer.choices
        assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
        self.messages.append(choice.message.model_dump(exclude_none=True))
        calls = choice.message.tool_calls or []
        assert choice.finish_reason == ("tool_calls" if calls else "stop"), choice
        return [(call.id, call.function.name, json.loads(call.function.arguments)) for call in calls]

    def forget(self):
        found = [message.pop(name) for message in self.messages for name in self.REASONING if name in message]
        return bool(found)


class Responses:
    def __init__(self, address, key, opening, tools, **options):
        self.api = openai.OpenAI(base_url=address, api_key=key, **{"max_retries": 0, "timeout": TIMEOUT_SECONDS} | options)
        self.input = list(opening)
        self.tools = [{"type": "function", "name": name, "description": name, "parameters": ANY, "strict": False} for name in tools]

    def ask(self, **changes):
        request = {"model": "sim/obedient", "input": self.input, "tools": self.tools, "max_output_tokens": MAX_OUTPUT_TOKENS}
        request |= {"store": False, "reasoning": {"effort": "low"}, "include": ["reasoning.encrypted_content"]}
        return self.api.responses.create(**request | changes)

    def say(self, results):
        self.input += [{"type": "function_call_output", "call_id": id, "output": content} for id, content in results]
        answer = self.ask()
        assert answer.status == "completed" and not unknown(answer), answer
        self.input += [item.model_dump(exclude_none=True) for item in answer.output]
        calls = [item for item in answer.output if item.type == "function_call"]
        return [(call.call_id, call.name, json.loads(call.arguments)) for call in calls]

    def forget(self):
        kept = [item for item in self.input if item.get("type") != "reasoning"]
        found, self.input = len(kept) < len(self.input), kept
        return found


class Messages:
    def __init__(self, address, key, opening, tools, **options):
        self.api = anthropic.Anthropic(base_url=address, api_key=key, **{"max_retries": 0, "timeout": TIMEOUT_SECONDS} | options)
        self.system = opening[0]["content"]
        self.messages = list(opening[1:])
        self.tools = [{"name": name, "description": name, "input_schema": ANY} for name in tools]

    def ask(self, **changes):
        request = {"model": "obedient", "system": self.system, "messages": self.messages, "tools": self.tools}
        request |= {"max_tokens": MAX_OUTPUT_TOKENS, "thinking": {"type": "adaptive"}}
        return self.api.messages.create(**request | changes)

    def say(self, results):
        if results:
            content = [{"type": "tool_result", "tool_use_id": id, "content": content} for id, content in results]
            self.messages.append({"role": "user", "content": content})
        answer = self.ask()
        assert answer._request_id and not unknown(answer), answer
        self.messages.append({"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in answer.content]})
        calls = [block for block in answer.content if block.type == "tool_use"]
        assert answer.stop_reason == ("tool_use" if calls else "end_turn"), answer
        return [(call.id, call.name, call.input) for call in calls]

    def forget(self):
        found = False
        for message in self.messages:
            if message["role"] == "assistant":
                kept = [block for block in message["content"] if block["type"] != "thinking"]
                found |= len(kept) < len(message["content"])
                message["content"] = kept
        return found


class Gemini:
    def __init__(self, address, key, opening, tools):
        options = types.HttpOptions(base_url=address, api_version="v1beta", timeout=1_000 * TIMEOUT_SECONDS)
        self.api = genai.Client(api_key=key, http_options=options)
        declared = [types.FunctionDeclaration(name=name, description=name, parameters_json_schema=ANY) for name in tools]
        self.config = types.GenerateContentConfig(
            system_instruction=opening[0]["content"],
            tools=[types.Tool(function_declarations=declared)],
            thinking_config=types.ThinkingConfig(thinking_level="LOW", include_thoughts=True),
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            max_output_tokens=MAX_OUTPUT_TOKENS,
            seed=7,
        )
        self.contents = [types.Content(role="user", parts=[types.Part(text=opening[1]["content"])])]
        self.names = {}

    def ask(self, **changes):
        return self.api.models.generate_content(**{"model": "obedient", "contents": self.contents, "config": self.config} | changes)

    def say(self, results):
        if results:
            answered = [types.FunctionResponse(id=id, name=self.names[id], response=json.loads(content)) for id, content in results]
            parts = [types.Part(function_response=response) for response in answered]
            self.contents.append(types.Content(role="user", parts=parts))
        answer = self.ask()
        [candidate] = answer.candidates
        assert candidate.finish_reason == "STOP" and answer.usage_metadata.prompt_token_count, answer
        self.contents.append(candidate.content)
        calls = answer.function_calls or []
        self.names |= {call.id: call.name for call in calls}
        return [(call.id, call.name, call.args) for call in calls]

    def forget(self):
        found = False
        for part in (part for content in self.contents for part in content.parts):
            found |= part.thought_signature is not None
            part.thought_signature = None
        return found
