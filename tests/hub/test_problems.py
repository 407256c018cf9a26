"""A problem has a kind, and a kind has a status."""

from dragoman.hub.problems import ELSEWHERE, KINDS, STATUS, Problem, bad_request


def test_every_kind_has_a_status() -> None:
    assert set(STATUS) == set(KINDS)
    assert set(KINDS) > ELSEWHERE


def test_a_problem_says_its_public_text_and_never_its_private_one() -> None:
    problem = Problem("backend_failed", "it broke", private="secret")
    assert str(problem) == "it broke"
    assert repr(problem) == "Problem('backend_failed', 'it broke')"
    assert (problem.status, Problem("backend_failed", "", status=503).status) == (502, 503)


def test_problems_are_equal_by_what_they_say() -> None:
    one, same = Problem("timeout", "slow", retry_after=1.0), Problem("timeout", "slow", retry_after=1.0)
    assert one == same
    assert len({one, same}) == 1
    assert one != Problem("timeout", "slow")
    assert one != "slow"


def test_a_bad_request_names_its_field() -> None:
    problem = bad_request("tools[0].name", "must be a string")
    assert (problem.kind, problem.public, problem.param) == (
        "bad_request",
        "tools[0].name: must be a string",
        "tools[0].name",
    )
