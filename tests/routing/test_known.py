"""What is known of backends, and that whoever derives something from it notices changes."""

from dragoman.hub.problems import Problem
from dragoman.hub.route import Secret
from dragoman.routing.known import Knowledge, Known


def test_what_was_learnt_is_known_and_the_version_tells_of_changes() -> None:
    knowledge = Knowledge()
    assert knowledge.of("http://a", "m") == Known()
    before = knowledge.version
    knowledge.learn("http://a", "m", Known(context_window=8192, online=True))
    assert knowledge.of("http://a", "m").context_window == 8192
    assert knowledge.of("http://a", "n") == Known()
    assert knowledge.version == before + 1
    knowledge.learn("http://a", "m", Known(context_window=8192, online=True))
    assert knowledge.version == before + 1


def test_backends_that_left_are_forgotten() -> None:
    knowledge = Knowledge()
    knowledge.learn("http://a", "m", Known(online=True))
    knowledge.learn("http://b", "m", Known(online=True))
    before = knowledge.version
    knowledge.keep_only({("http://a", "m"), ("http://c", "m")})
    assert knowledge.of("http://a", "m").online
    assert knowledge.of("http://b", "m") == Known()
    assert knowledge.version > before
    before = knowledge.version
    knowledge.keep_only({("http://a", "m")})
    assert knowledge.version == before


def test_lessons_last_until_they_are_forgotten() -> None:
    knowledge = Knowledge()
    assert knowledge.lessons("http://a", "m") == {}
    knowledge.teach("http://a", "m", {"stream_usage": False})
    before = knowledge.version
    knowledge.teach("http://a", "m", {"max_stop": 1})
    assert knowledge.lessons("http://a", "m") == {"stream_usage": False, "max_stop": 1}
    assert knowledge.version > before
    assert knowledge.refused_seals.learn(Problem("bad_request", "no signature"), ("http://a", Secret("")), [""])
    knowledge.forget_lessons()
    assert not knowledge.refused_seals.of
    assert knowledge.lessons("http://a", "m") == {}


def test_who_fails_often_is_not_asked_again_each_time() -> None:
    now = 0.0
    knowledge = Knowledge(lambda: now)
    assert knowledge.may_ask_again("http://a", "m")
    assert not knowledge.may_ask_again("http://a", "m")
    assert knowledge.may_ask_again("http://a", "n")
    now = 60.0
    assert knowledge.may_ask_again("http://a", "m")
    knowledge.keep_only(set())
    assert knowledge.may_ask_again("http://a", "m")
