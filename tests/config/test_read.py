"""From the tree to the structs: what is taken, and what is said of the rest."""

import pytest

from dragoman.config.durations import Seconds
from dragoman.config.findings import Findings
from dragoman.config.nodes import Keyed, read_tree
from dragoman.config.read import Given, read_config
from dragoman.config.schema import Config, ModelConfig
from dragoman.hub.route import Profile, Secret


def read(text: str) -> tuple[Config, list[str], dict[str, Given]]:
    findings = Findings()
    root = read_tree(text, {}, findings)
    assert isinstance(root, Keyed)
    config, given = read_config(root, findings)
    return config, [finding.render("c") for finding in findings.made], given


def model(text: str) -> ModelConfig:
    config, said, _ = read("models:\n  - name: m\n" + "".join(f"    {line}\n" for line in text.splitlines()))
    assert said == []
    return config.models[0]


def said(text: str) -> list[str]:
    return read(text)[1]


def test_a_name_may_look_like_a_number() -> None:
    config, mistakes, _ = read("models:\n  - name: 4.10\n    api_key: 0123\n")
    assert mistakes == []
    assert config.models[0].name == "4.10"
    assert config.models[0].api_key.reveal() == "0123"


def test_numbers_and_switches_may_be_quoted() -> None:
    read_model = model("context_window: '4096'\nsupports_vision: 'yes'\ntimeout: '5m'")
    assert (read_model.context_window, read_model.supports_vision) == (4096, True)
    assert read_model.timeout == Seconds(300)


def test_nothing_is_the_default() -> None:
    read_model = model("timeout:\nbackends: ~\ndefaults:\nmodel: null")
    assert read_model == ModelConfig(name="m")


def test_backends_may_be_bare_urls() -> None:
    assert [backend.url for backend in model("backends: [http://a/v1, url: http://b/v1]").backends] == [
        "http://a/v1",
        "http://b/v1",
    ]
    assert [backend.url for backend in model("backends: http://a/v1").backends] == ["http://a/v1"]


def test_one_name_may_stand_for_a_list_of_one() -> None:
    assert model("defaults: {stop: END}").defaults.stop == ("END",)


@pytest.mark.parametrize(
    "pools",
    [
        "- name: p\n  backends: [{url: http://a/v1}, {url: http://b/v1}]",
        "p: {backends: [http://a/v1, http://b/v1]}",
        "p: [http://a/v1, {url: http://b/v1}]",
    ],
)
def test_pools_in_each_form(pools: str) -> None:
    config, mistakes, _ = read("pools:\n" + "".join(f"  {line}\n" for line in pools.splitlines()))
    assert mistakes == []
    [pool] = config.pools
    assert (pool.name, [backend.url for backend in pool.backends]) == ("p", ["http://a/v1", "http://b/v1"])


def test_sets_in_a_profile() -> None:
    assert model("profile: {sampling_extras: [min_p, min_p]}").profile.changes == {
        "sampling_extras": frozenset({"min_p"})
    }


def test_a_profile_is_only_what_the_file_says() -> None:
    profile = model(
        "profile: {family: vllm, reasoning_field: null, limit_fields: [max_completion_tokens], vision: no}"
    ).profile
    assert profile.family == "vllm"
    known = Profile(developer_role=True)
    assert profile.over(known) == Profile(
        family="vllm",
        developer_role=True,
        reasoning_field=None,
        limit_fields=("max_completion_tokens",),
        vision=False,
    )
    assert model("").profile.family is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lisen: 8080", "c:1: lisen: is not a known field; did you mean listen?"),
        ("colour: 1", "c:1: colour: is not a known field; known here: listen, models"),
        ("models:\n- name: m\n  temperature: 1", "c:3: models[0].temperature: is not a known field here; did you mean"),
        ("models:\n- name: m\n  type: opnai", "c:3: models[0].type: wanted one of openai, anthropic"),
        ("models:\n- name: m\n  type: opnai", 'found "opnai"; did you mean openai?'),
        ("models:\n- name: m\n  type: [x]", "found a list"),
        ("models:\n- backend: x", "c:2: models[0].name: is required"),
        ("models:\n- m", "c:2: models[0]: wanted a mapping with name, backends"),
        ("models:\n-", "c:2: models[0]: wanted a mapping with name"),
        (
            "keys: [sk-0123456789abcdef]",
            "keys[0]: wanted a mapping with key, key_hash, name, models; found a text of 19",
        ),
        ("keys: sk-0123456789abcdef", "wanted a list; found a text of 19 characters"),
        ("processors: {web_search: tvly-0123456789abcdef}", "kagi, duckduckgo; found a text of 21"),
        ("models: 5", 'c:1: models: wanted a list; found "5"'),
        ("models: {name: m}", "c:1: models: wanted a list, each item beginning with `-`; found a mapping"),
        (
            "models:\n- name: m\n  backends:\n  - url: [x]",
            "c:4: models[0].backends[0].url: wanted a text; found a list",
        ),
        (
            "models:\n- name: m\n  backends:\n  - weight: two",
            'c:4: models[0].backends[0].weight: wanted a whole number; found "two"',
        ),
        (
            "models:\n- name: m\n  defaults:\n    temperature: 3",
            "c:4: models[0].defaults.temperature: 3 is out of range",
        ),
        (
            "models:\n- name: m\n  profile: {famly: x}",
            "c:3: models[0].profile.famly: is not a known field; did you mean family?",
        ),
        ("models:\n- name: m\n  profile: {vision: maybe}", "models[0].profile.vision: wanted true or false"),
        ("aliases: [a]", "c:1: aliases: wanted a mapping from name to name; found a list"),
        ("aliases:\n  a: [b]", "c:2: aliases.a: wanted a name; found a list"),
        ("keys:\n- models: [[x]]", "c:2: keys[0].models[0]: wanted a text; found a list"),
        ("listen: 127.0.0.1", 'c:1: listen: "127.0.0.1" has no port: write 127.0.0.1:8080'),
        ("max_body_mb: 0", "c:1: max_body_mb: 0 is out of range: wanted more than 0 and at most 4096"),
        ("ping_seconds: -1", "c:1: ping_seconds: wanted a duration"),
        ("trusted_proxies: [10.0.0.0/8, proxy]", "c:1: trusted_proxies[1]: wanted an IP address or network"),
        ("fetch_allow: [wiki.example, 'http://wiki']", "c:1: fetch_allow[1]: wanted a host, host:port, IP address"),
        ("processors: none", "c:1: processors: wanted a mapping"),
    ],
)
def test_mistakes_say_what_is_wanted_and_what_was_found(text: str, expected: str) -> None:
    assert any(expected in line for line in said(text)), said(text)


def test_everything_is_found_at_once() -> None:
    mistakes = said("listn: 1\nmodels:\n- nme: m\n- name: n\n  timeout: soon\nkeys:\n- key: {}\n")
    assert len(mistakes) == 5, mistakes


def test_one_mistake_is_said_once() -> None:
    assert len(said("models:\n- name: m\n  backends:\n  - 5: x\n    url: http://a/v1\n")) == 1
    assert len(said("models:\n- 5\n")) == 1


def test_secrets_are_not_quoted() -> None:
    assert "hidden" not in " ".join(said("keys:\n- key: {hidden: hidden}\n- key: [hidden]\n")).replace("keys", "")


def test_a_value_of_the_environment_is_not_quoted() -> None:
    findings = Findings()
    root = read_tree("max_body_mb: ${SECRET}", {"SECRET": "hunter2"}, findings)
    assert isinstance(root, Keyed)
    read_config(root, findings)
    assert [finding.message for finding in findings.made] == ['wanted a number; found "${SECRET}"']


def test_places_for_anchors_are_left_alone() -> None:
    config, mistakes, _ = read("x-usual: &u {timeout: 5}\nmodels:\n- {name: m, <<: *u}\n")
    assert mistakes == []
    assert config.models[0].timeout == Seconds(5)


def test_what_is_given_where() -> None:
    _, _, given = read("models:\n- name: m\n  backends:\n  - url: http://a/v1\n    api_key: k\n")
    assert given["models[0].backends[0].api_key"] == Given(5, Secret("k"))
    assert given["models[0].backends[0]"].line == 4
    assert "models[0].timeout" not in given
