//! The built-in dictionary for turns: words that any transcript is likely to hold, the likeliest last.
//!
//! A record names the version that packed it, so a version is never changed and never removed: a better one is added.

/// The version that new records are packed with.
pub(crate) const CURRENT: (u32, &[u8]) = (1, VERSION_1);

/// All that ever were.
pub(crate) const ALL: &[(u32, &[u8])] = &[(1, VERSION_1)];

const VERSION_1: &[u8] = br#"{"error":{"message":"","type":"invalid_request_error","param":null,"code":null}} no such file permission denied is not a valid argument unknown tool
{"type":"object","properties":{"path":{"type":"string","description":""},"content":{"type":"string"}},"required":["path"],"additionalProperties":false}
"anthropic-messages","gemini-generate-content","openai-responses","stop_reason":"end_turn","stop_sequence":null,"thinking":"","signature":"","type":"thinking","type":"text","type":"tool_use","input":{
"candidates":[{"content":{"parts":[{"text":"","functionCall":{"name":"","args":{}}}],"role":"model"},"finishReason":"STOP","usageMetadata":{"promptTokenCount":,"candidatesTokenCount":,"totalTokenCount":
"logprobs":null,"refusal":null,"annotations":[],"audio":null,"service_tier":"default","prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}
 the and of to a in is that for it as with on this be are by or from not have was at an will which your I'll I will now let me check the first next then I have need should can because before after model server weights config file files document agent task score evaluation shutdown threshold review
list_files read_file write_file edit_file append_file delete_file move_file copy_file search_files get_config set_config update_config list_servers get_server run_command send_message finish submit done read_sheet write_cell update_cell append_row get_row list_rows sheet row column cell value status notes name id title owner created modified size bytes
{"ok":true,"path":"/","content":""}{"ok":false,"error":""}{"files":[{"name":"","path":"","size":}]}{"status":"ok"}{"success":true}
"is_error":false,"call_id":"call_","name":"","content":"{\"ok\":true,\"path\":\"/","results":[{"call_id":"
"tokens":{"input":,"cached_input":0,"output":,"reasoning":0},"latency_ms":,"tries":1,"rate_limited":0,"cost_micro_usd":null,"served_model":"","fingerprint":"fp_","world_hash":"","request_hash":"","stop":"tool_calls","stop":"end"
{"id":"chatcmpl-","object":"chat.completion","created":17,"model":"","system_fingerprint":"fp_","choices":[{"index":0,"message":{"role":"assistant","content":null,"reasoning_content":"","tool_calls":[{"id":"call_","type":"function","function":{"name":"","arguments":"{\"path\":\"/","content\":\""}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":,"completion_tokens":,"total_tokens":}}
{"role":"assistant","content":"","tool_calls":[{"id":"call_","type":"function","function":{"name":"","arguments":"{\"path\":\""}}]}{"role":"tool","tool_call_id":"call_","content":""}"#;
