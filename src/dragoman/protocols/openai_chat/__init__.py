"""OpenAI Chat Completions, as OpenAI, vLLM, SGLang, llama.cpp, Ollama, LM Studio and most cloud vendors speak it."""
