from kinetrace.stages import evaluate


def test_rows_put_the_headline_first_and_name_every_baseline():
    metric = {"value": 0.5, "low": 0.4, "high": 0.6, "better": "higher", "baselines": {"chance": 0.1}}
    content = {"headline": ["ret1"], "metrics": {"exact": metric | {"baselines": {}}, "ret1": metric}}
    rows = evaluate.rows(content)
    assert [row["metric"] for row in rows] == ["ret1", "exact"]
    assert rows[0] == {
        "metric": "ret1", "value": "0.5", "interval": "0.4 to 0.6", "better": "higher", "chance": "0.1",
    }  # fmt: skip
    assert rows[1]["chance"] == ""


def test_a_metric_without_bounds_is_shown_without_an_interval():
    bare = {"value": 0.994, "low": None, "high": None, "better": "higher", "baselines": {"uniform": 0.999}}
    (row,) = evaluate.rows({"metrics": {"utilization": bare}})
    assert (row["value"], row["interval"], row["uniform"]) == ("0.994", "", "0.999")
    assert evaluate.words("utilization", bare) == "utilization 0.994 (uniform 0.999)"
    assert evaluate.words("utilization", bare | {"baselines": {}}) == "utilization 0.994"


def test_a_metric_with_bounds_keeps_its_interval():
    metric = {"value": 0.5, "low": 0.4, "high": None, "better": "higher", "baselines": {}}
    assert evaluate.words("ret1", metric) == "ret1 0.5 [0.4, unknown]"
