"""OpenAI Responses, as Codex, the OpenAI SDKs and the Open Responses specification (2026-04-24) speak it."""
