import json

from benchmarks.results import Results
from benchmarks.targets import Target

FAST = Target("a.fast", "what", "source", "s", "ratio", "at_least", 3.0)
SMALL = Target("b.small", "what", "source", "GiB", "ours", "below", 1.5)
TARGETS = {target.name: target for target in (FAST, SMALL)}


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_target_without_a_result_is_there_and_not_met(tmp_path):
    path = tmp_path / "data" / "benchmarks.json"
    Results(path, TARGETS, ("a", "b"))
    found = read(path)
    assert list(found) == ["a.fast", "b.small"]
    assert found["a.fast"]["met"] is False
    assert found["a.fast"]["reason"] == "no result"


def test_results_are_judged_and_those_without_a_target_are_kept(tmp_path):
    results = Results(tmp_path / "b.json", TARGETS, ("a", "b"))
    results.put("a.fast", {"ours": 1.0, "peer": 4.0, "ratio": 4.0, "unit": "s"})
    results.put("b.small", {"ours": 2.0, "peer": None, "ratio": None, "unit": "GiB"})
    results.put("a.more", {"ours": 2.0, "peer": None, "ratio": None, "unit": "s"})
    results.write()
    found = read(results.path)
    assert [found[name]["met"] for name in found] == [True, False, None]
    assert found["a.fast"]["target"]["at_least"] == 3.0
    assert list(tmp_path.iterdir()) == [results.path]


def test_a_result_in_another_unit_is_not_met(tmp_path):
    results = Results(tmp_path / "b.json", TARGETS, ("b",))
    results.put("b.small", {"ours": 1.0, "peer": None, "ratio": None, "unit": "MiB"})
    assert results.records["b.small"]["met"] is False
    assert "MiB" in results.records["b.small"]["reason"]


def test_a_run_of_some_benchmarks_keeps_the_results_of_the_others_only(tmp_path):
    path = tmp_path / "b.json"
    first = Results(path, TARGETS, ("a", "b"))
    for name, unit in (("a.fast", "s"), ("b.small", "GiB"), ("b.more", "s")):
        first.put(name, {"ours": 1.0, "peer": 4.0, "ratio": 4.0, "unit": unit})
    first.write()
    second = Results(path, TARGETS, ("b",))
    assert second.records["a.fast"]["met"] is True
    assert second.records["b.small"]["met"] is False
    assert "b.more" not in read(path)


def test_a_target_that_moved_judges_earlier_results_anew(tmp_path):
    path = tmp_path / "b.json"
    first = Results(path, TARGETS, ("a",))
    first.put("a.fast", {"ours": 1.0, "peer": 4.0, "ratio": 4.0, "unit": "s"})
    first.write()
    harder = Target("a.fast", "what", "source", "s", "ratio", "at_least", 5.0)
    assert Results(path, {"a.fast": harder}, ("b",)).records["a.fast"]["met"] is False
