import pytest
import yaml

from kinetrace import params
from kinetrace.errors import KinetraceError
from kinetrace.tokens.params import ChunkParams, ModelParams, TokensParams
from tests.tokens.settings import SECTION, section


def load(tmp_path, values) -> TokensParams:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"workloads": {"tokens": {"raw": "data/raw/tokens"}}, "tokens": values}))
    return params.load(path, "tokens", TokensParams)


def test_the_section_is_read_from_yaml(tmp_path):
    found = load(tmp_path, SECTION)
    assert found.model.quantizer.codes == "auto"
    assert load(tmp_path, section(model__quantizer__codes=1024)).model.quantizer.codes == 1024
    assert isinstance(found.model, ChunkParams) and isinstance(found.model, ModelParams)
    assert found.evaluate.pck == 0.2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model__stride": 11}, "tokens.model: stride 11 is more than length 10: frames between would be lost"),
        ({"model__parts": ["face", "face"]}, "tokens.model: parts names a part twice"),
        ({"model__parts": ["tail"]}, "tokens.model.parts.0: found 'tail'"),
        ({"model__parts": []}, "tokens.model.parts"),
        ({"model__width": 30}, "tokens.model.width: found 30"),
        ({"model__quantizer__codes": 1}, "tokens.model.quantizer.codes"),
        ({"model__quantizer__codes": "many"}, "tokens.model.quantizer.codes"),
        ({"model__quantizer__levels": 27}, "tokens.model.quantizer.levels: found 27"),
        ({"model__quantizer__colour": 1}, "tokens.model.quantizer.colour: unknown key"),
        ({"model__min_observed": 0.0}, "tokens.model.min_observed: found 0.0"),
        ({"loss__position": -1.0}, "tokens.loss.position: found -1.0"),
        ({"twin__min_frames": 50}, "tokens.twin: min_frames 50 is more than max_frames 40"),
        ({"train__precision": "fp8"}, "tokens.train.precision: found 'fp8'"),
        ({"train__settle": 1.0}, "tokens.train.settle: found 1.0"),
        ({"train__settle": -0.1}, "tokens.train.settle: found -0.1"),
        ({"evaluate__pck": 0.0}, "tokens.evaluate.pck: found 0.0"),
    ],
)
def test_a_wrong_value_is_refused_by_name(tmp_path, change, message):
    with pytest.raises(KinetraceError) as error:
        load(tmp_path, section(**change))
    assert message in str(error.value)
