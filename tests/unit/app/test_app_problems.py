"""A problem says where, what and how to mend it."""

from hatoba.app.problems import BadSettings, Problem, nearest


def test_one_line_for_a_person() -> None:
    problem = Problem("h.toml", 3, "queue.expier", "there is no setting 'expier' here", "Did you mean 'expire'?")
    assert str(problem) == "h.toml:3: queue.expier: there is no setting 'expier' here. Did you mean 'expire'?"
    assert str(Problem("environment", 0, "HATOBA_X", "no", "Fix.")) == "environment: HATOBA_X: no. Fix."
    assert str(Problem("h.toml", 0, "", "cannot be read", "Check.")) == "h.toml: cannot be read. Check."


def test_all_problems_at_once() -> None:
    problems = [Problem("a", 1, "x", "no", "Fix."), Problem("a", 2, "y", "no", "Fix.")]
    error = BadSettings(problems)
    assert error.problems == problems
    assert str(error).splitlines() == ["a:1: x: no. Fix.", "a:2: y: no. Fix."]


def test_the_nearest_word() -> None:
    assert nearest("expier", ["expire", "warn"]) == "Did you mean 'expire'?"
    assert nearest("zzz", ["expire", "warn"]) == "Known here: expire, warn."
    assert nearest("zzz", [f"name{n}" for n in range(31)]) == "See docs/settings.md."
