"""The whole of config.yaml, as frozen structs. A field's `About` is its documentation (about.py).

docs/config.md and config.example.yaml are made from this file (`python -m dragoman.config.document`), and a test
demands that they are current. The field names are go-llm-proxy's, so that its files work as they are.
"""

import functools
import hashlib
import re
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from dragoman.config.about import NO_SECRET, About
from dragoman.config.durations import Seconds
from dragoman.config.listen import ListenAddress
from dragoman.config.processors import ModelProcessorsConfig, ProcessorsConfig
from dragoman.hub.allowed import Allowed, Place
from dragoman.hub.losses import Policy
from dragoman.hub.request import Effort, Sampling
from dragoman.hub.route import Defaults, Profile, Secret, Timeouts

_HASH: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})", re.IGNORECASE)

BackendType = Literal["openai", "anthropic", "responses", "auto", "bedrock"]
Mode = Literal["auto", "native", "translate"]
Network: TypeAlias = IPv4Network | IPv6Network


class BackendConfig(Struct, frozen=True, kw_only=True):
    """One server that serves a model. A bare URL may stand in the mapping's place."""

    url: Annotated[
        str,
        About(
            "Base URL, without the endpoint's path. OpenAI-like servers get `/chat/completions` appended, so the URL"
            " mostly ends in `/v1`; Anthropic-like servers get `/v1/messages` appended.",
            example="http://127.0.0.1:8000/v1",
            shown=True,
        ),
    ]
    api_key: Annotated[
        Secret,
        About(
            "Key sent to this server: as `Authorization: Bearer` to OpenAI-like ones, as `x-api-key` to Anthropic-like"
            " ones. Without one the model's `api_key` is used.",
            example="${BACKEND_KEY}",
        ),
    ] = NO_SECRET
    weight: Annotated[int, About("Share of the requests, relative to the model's other backends.", ge=0, le=1000)] = 1
    max_inflight: Annotated[
        int,
        About(
            "Requests at a time before others are preferred; where all are full, requests wait in line, up to 30"
            " seconds. 0 = no limit.",
            ge=0,
        ),
    ] = 0
    disabled: Annotated[bool, About("Keep the entry but send nothing to it.")] = False


class PoolConfig(Struct, frozen=True, kw_only=True):
    """Backends that several models name."""

    name: Annotated[str, About("The name that `models[].pool` refers to.", example="cluster")]
    backends: Annotated[tuple[BackendConfig, ...], About("The backends; bare URLs may stand in their place.")] = ()


class DefaultsConfig(Struct, frozen=True, kw_only=True):
    """Sent to the backend where the client asked for nothing itself."""

    temperature: Annotated[float | None, About("Randomness.", example=0.7, ge=0, le=2)] = None
    top_p: Annotated[float | None, About("Nucleus sampling.", example=0.95, ge=0, le=1)] = None
    top_k: Annotated[int | None, About("Sample from the k likeliest tokens; -1 = all.", example=40, ge=-1)] = None
    max_new_tokens: Annotated[int | None, About("Limit of the answer, in tokens.", example=4096, ge=1)] = None
    frequency_penalty: Annotated[
        float | None, About("Penalty on frequent tokens; helps against loops.", example=0.3, ge=-2, le=2)
    ] = None
    presence_penalty: Annotated[float | None, About("Penalty on tokens already used.", example=0.0, ge=-2, le=2)] = None
    reasoning_effort: Annotated[Effort | None, About("How much to think.", example="medium")] = None
    stop: Annotated[tuple[str, ...], About("Strings at which the answer ends.", example=["</answer>"])] = ()

    @property
    def wishes(self) -> Defaults:
        """The same in the words of `hub`."""
        return Defaults(
            sampling=Sampling(
                temperature=self.temperature,
                top_p=self.top_p,
                top_k=self.top_k,
                frequency_penalty=self.frequency_penalty,
                presence_penalty=self.presence_penalty,
            ),
            max_tokens=self.max_new_tokens,
            reasoning_effort=self.reasoning_effort,
            stop=self.stop,
        )


class ProfileChanges(Struct, frozen=True):
    """Fields of `hub.route.Profile` that the file sets, by name; the rest is known from elsewhere."""

    changes: dict[str, Any] = {}

    @property
    def family(self) -> str | None:
        """The kind of backend the file says this is, None = not said."""
        family = self.changes.get("family")
        return family if isinstance(family, str) else None

    def over(self, known: Profile) -> Profile:
        return msgspec.structs.replace(known, **self.changes)


class ModelConfig(Struct, frozen=True, kw_only=True):
    """A name that clients may ask for, and the servers behind it."""

    name: Annotated[str, About("The name clients ask for.", example="my-model", shown=True)]
    backends: Annotated[
        tuple[BackendConfig, ...],
        About("The servers that serve this model. One is enough; more share the load and stand in.", shown=True),
    ] = ()
    backend: Annotated[str, About("Older form: the URL of the only backend.", hidden=True)] = ""
    pool: Annotated[str, About("Older form: the entry of `pools` whose backends serve this model.", hidden=True)] = ""
    api_key: Annotated[
        Secret, About("Key for those of the backends that have none of their own.", example="${BACKEND_KEY}")
    ] = NO_SECRET
    model: Annotated[
        str, About("The name the backend knows the model by; the same as `name` unless given.", example="org/my-model")
    ] = ""
    type: Annotated[
        BackendType,
        About(
            "What the backends speak: `openai` (Chat Completions: vLLM, llama-server, Ollama, most services),"
            " `anthropic` (Messages), `responses` (OpenAI Responses), `auto` (find out). `bedrock` is recognised and"
            " not supported yet."
        ),
    ] = "openai"
    timeout: Annotated[
        Seconds,
        About(
            "Longest wait for the first byte of an answer: a number of seconds, or `300s`, `5m`. A running answer is"
            " never cut. 0 = the default.",
            ge=0,
        ),
    ] = Seconds(600)
    connect_timeout: Annotated[Seconds, About("Longest wait for a connection. 0 = the default.", ge=0)] = Seconds(10)
    idle_timeout: Annotated[
        Seconds, About("Longest silence within an answer before it counts as broken. 0 = the default.", ge=0)
    ] = Seconds(300)
    responses_mode: Annotated[
        Mode,
        About(
            "How requests from Responses clients (Codex) go out: `native` as they are, `translate` as what `type` says,"
            " `auto` as they are where the backend understands them."
        ),
    ] = "auto"
    messages_mode: Annotated[
        Mode,
        About(
            "How requests from Messages clients (Claude Code) go out: `native` as they are, `translate` as Chat"
            " Completions, `auto` as they are for `type: anthropic` and translated else."
        ),
    ] = "auto"
    context_window: Annotated[
        int,
        About("Tokens that fit into one conversation. 0 = ask the backend; what it says wins.", example=131072, ge=0),
    ] = 0
    max_output_tokens: Annotated[
        int, About("Tokens the model can generate in one answer. 0 = not known.", example=32768, ge=0)
    ] = 0
    supports_vision: Annotated[
        bool | None,
        About(
            "Whether the model sees images. Not said: what the backend tells; where it tells nothing, images are sent and"
            " the backend decides, unless `processors.vision` is there to describe them.",
            example=True,
        ),
    ] = None
    supports_audio: Annotated[
        bool,
        About(
            "Whether the model hears audio, told to clients by `GET /v1/models`. What they send is passed on either way."
        ),
    ] = False
    force_pipeline: Annotated[
        bool,
        About(
            "Run the processors even for a backend that could do their work itself (`type: anthropic`). Images are then"
            " described unless `supports_vision` says that the model sees."
        ),
    ] = False
    on_loss: Annotated[
        Policy,
        About(
            "What to do when a request says something the backend cannot be told: `honest` goes on where the answer is"
            " still useful and names the loss in the header `x-dragoman-loss`, `strict` refuses, `lenient` goes on"
            " wherever it can."
        ),
    ] = "honest"
    profile: Annotated[
        ProfileChanges,
        About("Corrections to what is known of this kind of backend.", example={"family": "vllm"}),
    ] = ProfileChanges()
    processors: Annotated[
        ModelProcessorsConfig, About("What differs for this model from the `processors` at the top.")
    ] = ModelProcessorsConfig()
    defaults: Annotated[DefaultsConfig, About("Sent to the backend where the client asked for nothing itself.")] = (
        DefaultsConfig()
    )
    region: Annotated[str, About("AWS region, for `type: bedrock`.", hidden=True)] = ""
    aws_access_key: Annotated[Secret, About("AWS access key, for `type: bedrock`.", hidden=True)] = NO_SECRET
    aws_secret_key: Annotated[Secret, About("AWS secret key, for `type: bedrock`.", hidden=True)] = NO_SECRET
    aws_session_token: Annotated[Secret, About("AWS session token, for `type: bedrock`.", hidden=True)] = NO_SECRET

    @property
    def backend_model(self) -> str:
        """The name the backend knows."""
        return self.model or self.name

    @property
    def timeouts(self) -> Timeouts:
        usual = Timeouts()
        return Timeouts(
            connect=self.connect_timeout or usual.connect,
            first_byte=self.timeout or usual.first_byte,
            idle=self.idle_timeout or usual.idle,
        )

    @property
    def in_service(self) -> tuple[BackendConfig, ...]:
        return tuple(backend for backend in self.backends if not backend.disabled)


class KeyConfig(Struct, frozen=True, kw_only=True):
    """A key that clients may use. Either `key` or `key_hash` is given."""

    key: Annotated[
        Secret,
        About(
            "What clients send as `Authorization: Bearer` or `x-api-key`; at least 16 characters.",
            example="sk-change-me-to-something-secure",
            shown=True,
        ),
    ] = NO_SECRET
    key_hash: Annotated[
        Secret,
        About(
            "The key's SHA-256 in the key's place, as `sha256:<64 hex digits>`, so that the file holds no secret.",
            example="sha256:<64 hex digits>",
        ),
    ] = NO_SECRET
    name: Annotated[str, About("Whose key it is, for logs and usage reports.", example="me", shown=True)] = ""
    models: Annotated[tuple[str, ...], About("The models this key may use; empty = all.", example=["my-model"])] = ()

    @property
    def digest(self) -> bytes | None:
        """SHA-256 of the key; None if neither form gives one."""
        if self.key:
            return hashlib.sha256(self.key.reveal().encode("utf-8", "surrogatepass")).digest()
        found = _HASH.fullmatch(self.key_hash.reveal().strip())
        return bytes.fromhex(found[1]) if found else None


class PaddleOCRConfig(Struct, frozen=True, kw_only=True):
    """A PaddleOCR layout service."""

    backends: Annotated[tuple[BackendConfig, ...], About("The servers.")] = ()
    endpoint: Annotated[str, About("Path of the parsing endpoint.")] = "/layout-parsing"
    health_endpoint: Annotated[str, About("Path that tells whether the server is up.")] = "/health"
    timeout: Annotated[Seconds, About("Longest wait for an answer.", ge=0)] = Seconds(300)


class DocumentsConfig(Struct, frozen=True, kw_only=True):
    """How documents are read, for models whose backends take none."""

    paddleocr: Annotated[PaddleOCRConfig | None, About("A PaddleOCR layout service.")] = None
    max_pages: Annotated[int, About("Pages of one document that are read at most.", ge=1, le=10_000)] = 200
    max_scanned_pages: Annotated[
        int, About("How many of those may be scans, whose text has to be recognised.", ge=0, le=1_000)
    ] = 20
    max_characters: Annotated[
        int, About("Characters of one document that a model is told at most.", ge=1_000, le=10_000_000)
    ] = 200_000


class AudioModelConfig(Struct, frozen=True, kw_only=True):
    """A model of `/v1/audio`. Its requests are relayed as they are, but for the model's name."""

    name: Annotated[str, About("The name clients ask for; `whisper` or `tts` unless given.")] = ""
    model: Annotated[
        str, About("The name the backend knows; the same as `name` unless given.", example="org/my-audio-model")
    ] = ""
    timeout: Annotated[Seconds, About("Longest wait for an answer.", ge=0)] = Seconds(300)
    backends: Annotated[tuple[BackendConfig, ...], About("The servers.")] = ()


class AudioConfig(Struct, frozen=True, kw_only=True):
    """OpenAI-like audio services."""

    whisper: Annotated[
        AudioModelConfig | None, About("Speech to text: `/v1/audio/transcriptions` and `/v1/audio/translations`.")
    ] = None
    tts: Annotated[AudioModelConfig | None, About("Text to speech: `/v1/audio/speech` and `/v1/audio/voices`.")] = None

    @property
    def speaker(self) -> str | None:
        """The name of the model for speech."""
        return None if self.tts is None else self.tts.name or "tts"

    @property
    def models(self) -> tuple[ModelConfig, ...]:
        """The same in the form of `models`."""
        return tuple(
            ModelConfig(
                name=audio.name or name,
                model=audio.model or audio.name or name,
                timeout=audio.timeout,
                backends=tuple(
                    msgspec.structs.replace(backend, url=backend.url.strip().rstrip("/"), weight=backend.weight or 1)
                    for backend in audio.backends
                ),
            )
            for name, audio in (("whisper", self.whisper), ("tts", self.tts))
            if audio is not None
        )


class AppKeyConfig(Struct, frozen=True, kw_only=True):
    """A key of one application."""

    name: Annotated[str, About("The application; its data is kept apart under this name.", example="webapp")]
    key: Annotated[Secret, About("What the application sends.", example="${WEBAPP_KEY}")]


class QdrantConfig(Struct, frozen=True, kw_only=True):
    """A Qdrant vector database, shared by applications that do not see each other's data."""

    backend: Annotated[str, About("URL of the database.", example="http://127.0.0.1:6333")]
    api_key: Annotated[Secret, About("Key sent to the database.", example="${QDRANT_KEY}")] = NO_SECRET
    app_keys: Annotated[tuple[AppKeyConfig, ...], About("Keys of the applications; apart from `keys`.")] = ()


class ServicesConfig(Struct, frozen=True, kw_only=True):
    """Other services behind this proxy."""

    qdrant: Annotated[QdrantConfig | None, About("A Qdrant vector database.")] = None


class StoreConfig(Struct, frozen=True, kw_only=True):
    """Responses that clients come back to by `previous_response_id`. A change takes effect after a restart."""

    ttl_days: Annotated[float, About("Days that a conversation is kept after it was last used.", gt=0, le=36_500)] = 30
    max_mb: Annotated[
        float,
        About(
            "Room for all conversations, in MiB; those not used for longest go first. In memory, 64 at most.",
            gt=0,
            le=1_048_576,
        ),
    ] = 512
    max_mb_per_key: Annotated[float, About("Room for the conversations of one key, in MiB.", gt=0, le=1_048_576)] = 64


class Config(Struct, frozen=True, kw_only=True, dict=True):
    """Only `models` is required."""

    listen: Annotated[
        ListenAddress,
        About(
            "Where to listen. `127.0.0.1:8080` or `8080` is this machine only; `:8080` is every interface, and then"
            " `keys` are required. A change takes effect after a restart.",
            shown=True,
        ),
    ] = ListenAddress("127.0.0.1", 8080)
    models: Annotated[tuple[ModelConfig, ...], About("The models clients may ask for.", shown=True)] = ()
    pools: Annotated[
        tuple[PoolConfig, ...],
        About(
            "Older form: backends shared by several models; a list, or a mapping from name to backends.", hidden=True
        ),
    ] = ()
    aliases: Annotated[
        dict[str, str],
        About(
            "Other names for models. One that ends in `*` is for all names that begin so and are no others: `claude-*`"
            " takes every id of Claude Code's vendor. An alias is allowed to whoever may use its model.",
            example={"gpt-4o": "my-model"},
        ),
    ] = {}
    keys: Annotated[
        tuple[KeyConfig, ...],
        About("The keys clients may use. Without any, everybody who can connect may use everything.", shown=True),
    ] = ()
    allow_unauthenticated: Annotated[bool, About("Serve without `keys` even where other machines can connect.")] = False
    trusted_proxies: Annotated[
        tuple[Network, ...],
        About(
            "Addresses and networks whose `X-Forwarded-For` and `X-Real-IP` are believed.",
            example=["127.0.0.1", "172.16.0.0/12"],
        ),
    ] = ()
    max_body_mb: Annotated[float, About("Largest request body, in MiB, after decompression.", gt=0, le=4096)] = 64
    websocket: Annotated[
        bool,
        About(
            "Take Responses requests over a WebSocket too. Switched off, an upgrade is refused with 426, at which Codex"
            " goes on over HTTP."
        ),
    ] = True
    ping_seconds: Annotated[
        Seconds, About("Silence after which a waiting client is told that the answer is still coming. 0 = never.", ge=0)
    ] = Seconds(10)
    processors: Annotated[ProcessorsConfig, About("Help for models that cannot see or search.")] = ProcessorsConfig()
    documents: Annotated[DocumentsConfig, About("How documents are read.")] = DocumentsConfig()
    audio: Annotated[AudioConfig, About("OpenAI-like audio services.")] = AudioConfig()
    services: Annotated[ServicesConfig, About("Other services behind this proxy.")] = ServicesConfig()
    fetch_allow: Annotated[
        tuple[Place, ...],
        About(
            "Hosts and networks that URLs in requests may lead to although they are not on the public internet: a name,"
            " `*.` and a name for everything below it, an address or a network; a port may follow a name or address.",
            example=["wiki.corp.example", "10.1.2.3:8080"],
        ),
    ] = ()
    data_dir: Annotated[
        str | None,
        About(
            "Directory for what is kept between requests: stored responses, reasoning that Chat clients do not send"
            " back, what was read out of documents, a secret. Not said: `$XDG_DATA_HOME/dragoman`, else `~/.local/share/dragoman`."
            " `none` keeps nothing on disk, and in memory until the end. A change takes effect after a restart.",
            example="/var/lib/dragoman",
        ),
    ] = None
    store: Annotated[StoreConfig, About("How long stored responses are kept, and how many.")] = StoreConfig()
    log_metrics: Annotated[
        bool,
        About(
            "Record the usage of every request, never its text: who, which model, how many tokens, how long. A change"
            " takes effect after a restart."
        ),
    ] = True
    usage_db: Annotated[
        str | None,
        About(
            "File of the usage records; a relative path is seen from the configuration file's directory. Not said:"
            " `usage.db` in `data_dir`. A change takes effect after a restart.",
            example="/var/lib/dragoman/usage.db",
        ),
    ] = None
    usage_days: Annotated[
        float, About("Days that usage is kept. A change takes effect after a restart.", gt=0, le=36_500)
    ] = 90
    usage_dashboard: Annotated[bool, About("Show the usage at `/usage`, behind a login.", example=True)] = False
    usage_dashboard_password: Annotated[
        Secret,
        About(
            "Password of the dashboard; else from DRAGOMAN_USAGE_DASHBOARD_PASSWORD or"
            " GO_LLM_USAGE_DASHBOARD_PASSWORD. Without one, a link that works once is printed at the start.",
            example="${DASHBOARD_PASSWORD}",
        ),
    ] = NO_SECRET
    metrics_token: Annotated[
        Secret,
        About(
            "Open `/metrics`, in Prometheus' form, to whoever sends this as a bearer token. Takes effect after a"
            " restart.",
            example="${METRICS_TOKEN}",
        ),
    ] = NO_SECRET
    admin_password: Annotated[
        Secret,
        About(
            "Open the administration at `/admin` to whoever knows this; else from DRAGOMAN_ADMIN_PASSWORD or"
            " GO_LLM_ADMIN_PASSWORD. Without one there is no such page.",
            example="${ADMIN_PASSWORD}",
        ),
    ] = NO_SECRET
    serve_config_generator: Annotated[
        bool,
        About(
            "Show a page that writes the coding agents' settings, at `/`; or `--serve-config-generator`. Whoever can"
            " open it reads the models' names, without a key.",
            example=True,
        ),
    ] = False

    @functools.cached_property
    def allowed(self) -> Allowed:
        """The places on the operator's networks that URLs from outside may lead to."""
        return Allowed(self.fetch_allow)

    @functools.cached_property
    def max_body_bytes(self) -> int:
        return int(self.max_body_mb * 2**20)
