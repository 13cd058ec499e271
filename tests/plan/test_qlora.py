"""What is reckoned is what real tensors take: weights, adapters, optimizer, and what autograd keeps of a layer."""

import tempfile
import weakref
from collections import Counter
from collections.abc import Mapping
from functools import cache

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForImageTextToText, BitsAndBytesConfig

from kinetrace import loop
from kinetrace.operations.model.vlm import adapters, guards, loading
from kinetrace.plan.cards import Card
from kinetrace.plan.qlora import CODES, LEARNING, LOSS, Setup, Shape, nf4_bytes
from kinetrace.plan.vlm import Spec
from tests.operations import tiny_vlm

RANK, LENGTH, BATCH, ANSWER = 4, 96, 2, 8
NEW, OLD = Card("new", 2**34, 1e14, 1e13, bf16=True), Card("old", 2**34, 1e14, 1e13, bf16=False)
SHARED = 1024  # bytes of the table of scales, which all matrices may share


@pytest.fixture
def as_on_a_card(monkeypatch):
    """PEFT asks whether CUDA's autocast is on, and converts its inputs itself where it is not."""
    before = torch.is_autocast_enabled("cpu")
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda *_: True)
    yield
    torch.set_autocast_enabled("cpu", before)  # a context of autocast believed it to have been on


@cache
def deeper(family: str, layers: int, **sizes: int) -> str:
    """The tiny model with so many layers and other sizes, in a folder."""
    config = loading_config(family)
    config.text_config.num_hidden_layers = layers
    for name, value in sizes.items():
        setattr(config.text_config, name, value)
    config.vision_config.out_hidden_size = config.text_config.hidden_size
    if getattr(config.text_config, "layer_types", None):
        config.text_config.layer_types = ["full_attention"] * layers
    with loop.seeded(3):
        model = AutoModelForImageTextToText.from_config(config)
    folder = tempfile.mkdtemp(prefix="deeper-")
    with loading.quiet():
        model.save_pretrained(folder)
    return folder


def loading_config(family: str):
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(tiny_vlm.folder(family))


def model(
    family: str, card: Card, nf4: bool, layers: int = 2, attention: str = "sdpa", dropout: float = 0.0, **sizes: int
) -> torch.nn.Module:
    """As ``loading`` makes it on such a card, with adapters, but on the CPU and multiplied in bf16."""
    quantization = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16, llm_int8_skip_modules=list(guards.SKIP),
    )  # fmt: skip
    folder = deeper(family, layers, **sizes)
    with loading.quiet():
        made = AutoModelForImageTextToText.from_pretrained(
            folder, dtype=torch.bfloat16 if card.bf16 else torch.float32, device_map={"": "cpu"},
            quantization_config=quantization if nf4 else None, attn_implementation=attention,
        )  # fmt: skip
    loading._keep_gradients(made)
    params = tiny_vlm.params(family, rank=RANK, dropout=dropout, name=folder)
    vlm = loading.Vlm(made.requires_grad_(False), None, params, torch.device("cpu"))
    return adapters.fresh(vlm, seed=1).model.train()


def setup(
    family: str, card: Card, nf4: bool, layers: int = 2, sizes: Mapping[str, int] | None = None, **changes
) -> Setup:
    fields = {"rank": RANK, "dropout": False, "checkpointing": False, "precision": "bf16"} | changes
    shape = Shape(vision=0, text=LENGTH - ANSWER, answer=ANSWER)
    return Setup(Spec.named(deeper(family, layers, **sizes or {})), card, shape, nf4, **fields)


def forward(peft: torch.nn.Module, multiplied: torch.dtype | None = torch.bfloat16) -> torch.Tensor:
    """The sum of the logits of the answers' places, of text that is padded."""
    core = peft.get_base_model()
    ids = torch.randint(8, 200, (BATCH, LENGTH))
    mask = torch.ones_like(ids)
    mask[0, :3] = 0
    with torch.autocast("cpu", multiplied, enabled=multiplied is not None):
        return core(
            input_ids=ids, attention_mask=mask, position_ids=torch.arange(LENGTH).expand(3, BATCH, LENGTH),
            use_cache=False, logits_to_keep=ANSWER + 1,
        ).logits  # fmt: skip


def kept(peft: torch.nn.Module, multiplied: torch.dtype = torch.bfloat16) -> Counter:
    """What autograd keeps of a forward pass apart from weights: storages by bytes and shape."""
    weights = {weight.untyped_storage().data_ptr() for weight in peft.parameters()}
    found, held = {}, []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            found[storage.data_ptr()] = (storage.nbytes(), tuple(tensor.shape))
            held.append(tensor)  # so that no address is taken twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        logits = forward(peft, multiplied)
    assert logits.requires_grad
    return Counter(found.values())


def bytes_of(found: Counter) -> int:
    return sum(size * count for (size, _), count in found.items())


@pytest.mark.parametrize("card", [NEW, OLD])
@pytest.mark.parametrize("nf4", [True, False])
@pytest.mark.parametrize("family", tiny_vlm.FAMILIES)
def test_weights_take_what_their_tensors_take(family, card, nf4):
    core, parts = model(family, card, nf4).get_base_model(), setup(family, card, nf4)._weights()
    tower = {id(weight) for weight in core.model.visual.parameters()}
    layers, rest, matrices = 0, 0, 0
    for name, weight in core.named_parameters():
        if id(weight) in tower or "lora" in name:
            continue
        if ".layers." in name and weight.ndim > 1:
            matrices += 1
            layers += weight.nbytes + (quantized(weight) if nf4 else 0)
        else:
            rest += weight.nbytes
    assert matrices == 14
    assert parts[0].bytes == layers
    assert parts[1].bytes == rest
    assert parts[2].bytes == sum(weight.nbytes for weight in core.model.visual.parameters())


def quantized(weight) -> int:
    """Bytes beside the packed weights, without the shared table."""
    state = weight.quant_state
    scales = state.absmax.nbytes + state.state2.absmax.nbytes
    assert state.code.nbytes + state.offset.nbytes == CODES and state.state2.code.nbytes == SHARED
    return scales + CODES


@pytest.mark.parametrize("rows, columns", [(64, 64), (100, 70), (512, 96), (1, 1)])
def test_nf4_of_any_matrix(rows, columns):
    from bitsandbytes.functional import quantize_4bit

    packed, state = quantize_4bit(torch.randn(rows, columns), compress_statistics=True, quant_type="nf4")
    assert nf4_bytes(rows * columns) == packed.nbytes + state.absmax.nbytes + state.state2.absmax.nbytes + CODES


@pytest.mark.parametrize("nf4", [True, False])
@pytest.mark.parametrize("family", tiny_vlm.FAMILIES)
def test_adapters_gradients_and_moments_are_in_32_bits(family, nf4):
    peft = model(family, NEW, nf4)
    trained = [weight for weight in peft.parameters() if weight.requires_grad]
    optimizer = loop.adamw(torch.nn.ParameterList(trained), 1e-3, 0.0)
    forward(peft).float().sum().backward()
    optimizer.step()
    moments = [value for state in optimizer.state.values() for value in state.values() if value.ndim]
    own = setup(family, NEW, nf4)
    found = [sum(one.nbytes for one in group) for group in (trained, [w.grad for w in trained], moments)]
    assert found == [part.bytes for part in own._trained()]
    assert sum(weight.numel() for weight in trained) == own.spec.text.adapters(RANK)


KINDS = [(NEW, True, "bf16"), (NEW, False, "bf16"), (OLD, True, "bf16"), (OLD, False, "bf16")]


@pytest.mark.parametrize("card, nf4, precision", [*KINDS, (NEW, True, "fp16"), (NEW, False, "fp16")])
def test_autograd_keeps_of_a_layer_what_is_reckoned(card, nf4, precision, as_on_a_card):
    multiplied = torch.float16 if precision == "fp16" else torch.bfloat16
    two, three = (kept(model("qwen2_5_vl", card, nf4, layers), multiplied) for layers in (2, 3))
    assert bytes_of(three - two) == setup("qwen2_5_vl", card, nf4, precision=precision).layer(BATCH)


@pytest.mark.parametrize("card, nf4, precision", KINDS)
def test_dropout_keeps_its_masks_and_what_it_leaves(card, nf4, precision, as_on_a_card):
    two, three = (kept(model("qwen2_5_vl", card, nf4, layers, dropout=0.1)) for layers in (2, 3))
    own = setup("qwen2_5_vl", card, nf4, dropout=True)
    text = own.spec.text
    on_a_cpu = 5 * text.hidden * own.added + text.attention * own.multiplied + text.intermediate * own.given
    on_a_cpu = on_a_cpu if nf4 else 4 * own._inputs
    masks = BATCH * LENGTH * (on_a_cpu - own._inputs)  # a CPU's masks are of the type of what is dropped
    assert bytes_of(three - two) == own.layer(BATCH) + masks


@pytest.mark.parametrize("card", [NEW, OLD])
def test_with_checkpointing_a_layer_keeps_its_input_alone(card):
    found = []
    for layers in (2, 3):
        peft = model("qwen2_5_vl", card, True, layers)
        peft.get_base_model().activation_checkpointing_enable({"use_reentrant": False})
        found.append(kept(peft))
    own = setup("qwen2_5_vl", card, True, checkpointing=True)
    (inputs,) = [part.bytes for part in own._activations(BATCH) if part.name == "activations: the layers' inputs"]
    assert 2 * bytes_of(found[1] - found[0]) == inputs


@pytest.mark.parametrize("checkpointing", [False, True])
def test_operations_of_a_layer_are_those_that_torch_counts(checkpointing):
    """Of one layer more: the first one has no gradient of its input."""
    counted = []
    for layers in (2, 3):
        peft = model("qwen2_5_vl", OLD, False, layers, attention="eager")  # products that are counted
        if checkpointing:
            peft.get_base_model().activation_checkpointing_enable({"use_reentrant": False})
        with FlopCounterMode(display=False) as counter:
            forward(peft, None).sum().backward()
        counted.append(counter.get_total_flops())
    two, three = (setup("qwen2_5_vl", OLD, False, layers, checkpointing=checkpointing) for layers in (2, 3))
    assert three.step(BATCH) - two.step(BATCH) == pytest.approx(counted[1] - counted[0], rel=0.01)


def test_operations_of_vision_are_those_that_torch_counts():
    core = AutoModelForImageTextToText.from_config(loading_config("qwen2_5_vl"))
    vision = core.model.visual
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        vision(torch.zeros(64, 3 * 2 * 14 * 14), torch.tensor([[1, 8, 8]]))
    own = Setup(Spec.named(str(tiny_vlm.folder("qwen2_5_vl"))), OLD, Shape(16, 0, 0), True, 4, True, True, "no")
    blocks = counter.get_flop_counts()["Qwen2_5_VisionTransformerPretrainedModel.blocks.0"]
    linear = sum(count for name, count in blocks.items() if "attention" not in str(name))
    assert own.look() == pytest.approx(2 * linear, rel=0.05)


@pytest.mark.parametrize(("precision", "card", "held", "multiplied", "added"), [
    ("bf16", NEW, 2, 2, 2), ("fp16", NEW, 2, 2, 4), ("no", NEW, 2, 2, 2),
    ("bf16", OLD, 4, 2, 4), ("fp16", OLD, 4, 2, 4), ("no", OLD, 4, 4, 4),
])  # fmt: skip
def test_bytes_of_a_value_by_card_and_precision(precision, card, held, multiplied, added):
    own = setup("qwen2_5_vl", card, True, precision=precision)
    assert (own.held, own.multiplied, own.added) == (held, multiplied, added)


def test_memory_grows_with_the_batch_and_shrinks_with_checkpointing_and_nf4():
    plain = setup("qwen2_5_vl", NEW, False)
    peaks = [plain.memory(batch).allocated for batch in (1, 2, 8)]
    assert peaks == sorted(peaks) and len(set(peaks)) == 3
    assert setup("qwen2_5_vl", NEW, False, checkpointing=True).memory(8).allocated < peaks[-1]
    assert setup("qwen2_5_vl", NEW, True).memory(1).parts[0].bytes < plain.memory(1).parts[0].bytes / 3


class Live(TorchDispatchMode):
    """Counts bytes of tensors that are made inside and still held; ``peak`` is the most at once."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.now = self.peak = 0
        gradients = (weight.grad for weight in model.parameters() if weight.grad is not None)
        there = (*model.parameters(), *model.buffers(), *gradients)
        self.known = {one.untyped_storage()._cdata: None for one in there}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for one in tree_leaves(made):
            if isinstance(one, torch.Tensor):
                self._count(one.untyped_storage())
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self.known:
            return

        def gone(_) -> None:
            self.now -= size
            del self.known[key]

        self.known[key] = weakref.ref(storage, gone)
        self.now += size
        self.peak = max(self.peak, self.now)


WIDE = {"hidden_size": 256, "intermediate_size": 1376, "num_attention_heads": 16}
MANY = {"vocab_size": 30_000}


@pytest.mark.parametrize("card", [NEW, OLD])
@pytest.mark.parametrize(("sizes", "phase", "checkpointing"), [
    (WIDE, LEARNING, True), (WIDE, LEARNING, False), (MANY, LOSS, True),
])  # fmt: skip
def test_a_whole_gradient_takes_what_the_fullest_phase_does(card, sizes, phase, checkpointing, as_on_a_card):
    """Of every tensor that a batch makes, weights apart and what is there from the batch before."""
    peft = model("qwen2_5_vl", card, True, layers=4, **sizes)
    if checkpointing:
        peft.get_base_model().activation_checkpointing_enable()
    learn(peft)
    with Live(peft) as live:
        learn(peft)
    memory = setup("qwen2_5_vl", card, True, 4, sizes, checkpointing=checkpointing).memory(BATCH)
    there = ("gradients of adapters", "optimizer: two moments of adapters")
    own = [part for part in memory.parts if phase in part.phases and part.name not in there]
    assert max(memory.phases, key=memory.phases.get) == phase
    assert 0.8 < live.peak / sum(part.bytes for part in own) < 1.05


def learn(peft: torch.nn.Module) -> None:
    logits = forward(peft)[:, :-1].float().flatten(0, 1)
    loss = torch.nn.functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.int64))
    del logits
    loss.backward()
