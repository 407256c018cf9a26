"""Anthropic Messages, versions 2023-06-01 and 2026-10-21, as Claude Code, the Anthropic SDKs and others speak it."""
