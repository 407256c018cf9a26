"""Floor 1: one package per dialect. Each reads into, and writes from, the hub; none knows another."""

from collections.abc import Mapping
from typing import Final

from dragoman.hub.request import Dialect
from dragoman.protocols.anthropic_messages.sides import MessagesBackend, MessagesClient
from dragoman.protocols.codec import BackendSide, ClientSide
from dragoman.protocols.openai_chat.sides import ChatBackend, ChatClient
from dragoman.protocols.openai_responses.sides import ResponsesBackend, ResponsesClient

CLIENTS: Final[Mapping[Dialect, ClientSide]] = {
    side.dialect: side for side in (MessagesClient(), ChatClient(), ResponsesClient())
}
BACKENDS: Final[Mapping[Dialect, BackendSide]] = {
    side.dialect: side for side in (MessagesBackend(), ChatBackend(), ResponsesBackend())
}
