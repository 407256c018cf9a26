"""Findings: where, what, and in which order."""

from dragoman.config.findings import Finding, Findings, child, has_errors, in_order, item, lineage, render_findings


def test_findings_are_printed_as_compilers_do() -> None:
    findings = [
        Finding("models[2].backends[0].url", "must begin with http:// or https://", line=14),
        Finding("processors", "accepted", "notice", line=20),
        Finding("", "is empty"),
    ]
    assert render_findings(findings, "config.yaml") == (
        "config.yaml:14: models[2].backends[0].url: must begin with http:// or https://\n"
        "config.yaml:20: notice: processors: accepted\n"
        "config.yaml: is empty"
    )


def test_paths() -> None:
    assert child(item(child("", "models"), 2), "name") == "models[2].name"
    assert child("aliases", "gpt-4.1") == 'aliases["gpt-4.1"]'


def test_the_lineage_of_a_path() -> None:
    assert list(lineage("a.b[2][0].c")) == ["a.b[2][0].c", "a.b[2][0]", "a.b[2]", "a.b", "a"]
    assert list(lineage("")) == []


def test_what_lies_in_something_unreadable_is_unreadable() -> None:
    findings = Findings()
    findings.unreadable("models[1]", 4, "wanted a mapping")
    findings.error("keys", 9, "is wrong and can be read")
    assert findings.is_broken("models[1].name")
    assert not findings.is_broken("models[10].name")
    assert not findings.is_broken("keys")


def test_order_is_by_line_and_each_is_said_once() -> None:
    one, two = Finding("b", "x", line=2), Finding("a", "x", line=1)
    assert in_order([one, two, one]) == (two, one)


def test_only_errors_are_errors() -> None:
    assert not has_errors([Finding("a", "x", "warning"), Finding("a", "x", "notice")])
    assert has_errors([Finding("a", "x", "warning"), Finding("a", "x")])
