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
