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


METRIC = {"value": 0.5, "low": 0.4, "high": 0.6, "better": "higher", "baselines": {}}


def test_metrics_without_groups_are_one_table():
    (only,) = evaluate.tables({"headline": ["ret1"], "metrics": {"exact": METRIC, "ret1": METRIC}})
    assert [row["metric"] for row in only[1]] == ["ret1", "exact"]


def test_each_group_is_a_table_in_its_order_with_its_own_baselines_and_no_metric_is_lost():
    content = {
        "headline": ["wer", "ret1"],
        "metrics": {"ret1": METRIC | {"baselines": {"chance": 0.1}}, "mrr": METRIC, "wer": METRIC, "speed": METRIC},
        "groups": [{"title": "search", "metrics": ["ret1", "mrr"]}, {"title": "sentences", "metrics": ["wer"]}],
    }
    found = {title: [row["metric"] for row in rows] for title, rows in evaluate.tables(content)}
    assert found == {"": ["speed"], "search": ["ret1", "mrr"], "sentences": ["wer"]}
    columns = {title: set(rows[0]) for title, rows in evaluate.tables(content)}
    assert "chance" in columns["search"] and "chance" not in columns["sentences"]


def test_parts_of_the_test_split_are_a_table_with_the_headline_in_its_order():
    part = {"by": "subject", "name": "anna", "clips": 3, "metrics": {"mrr": METRIC, "wer": METRIC | {"value": None}}}
    content = {"headline": ["wer", "mrr"], "metrics": {"wer": METRIC, "mrr": METRIC}, "slices": [part]}
    title, (row,) = evaluate.tables(content)[-1]
    assert title == "parts of the test split"
    assert list(row) == ["by", "part", "clips", "wer", "mrr"]
    assert row["mrr"] == "0.5 [0.4, 0.6]" and row["wer"].startswith("unknown")
