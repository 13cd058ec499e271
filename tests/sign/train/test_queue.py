import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.sign.train.queue import Memory, Queue

WIDTH = 3
ANCHORS = torch.arange(20.0)[:, None].expand(-1, WIDTH)


def clips(start: int, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Clips ``start``, ``start + 1``, …: embedding, sentence and anchor tell which."""
    numbers = torch.arange(start, start + count)
    return numbers[:, None].float().expand(-1, WIDTH), numbers % 4, numbers % 20


@given(st.integers(0, 9), st.lists(st.integers(1, 12), max_size=6))
@settings(deadline=None)
def test_a_queue_holds_the_last_clips_in_their_order(size, batches):
    queue, start = Queue(size, WIDTH), 0
    for count in batches:
        queue.push(*clips(start, count))
        start += count
    found, last = queue.memory(ANCHORS), list(range(start))[max(start - size, 0) :]
    assert found.embedding_QD[:, 0].tolist() == last
    assert found.sentence_Q.tolist() == [number % 4 for number in last]
    assert found.text_QD[:, 0].tolist() == [number % 20 for number in last]


def test_memory_is_a_copy_without_gradient_to_the_clips():
    queue = Queue(4, WIDTH)
    embedding = torch.ones(2, WIDTH, requires_grad=True)
    queue.push(embedding, torch.zeros(2, dtype=torch.long), torch.zeros(2, dtype=torch.long))
    found = queue.memory(ANCHORS)
    queue.push(*clips(5, 4))
    assert not found.embedding_QD.requires_grad
    assert found.embedding_QD.tolist() == [[1] * WIDTH] * 2


def test_remembered_texts_teach_the_projection_as_it_is_now():
    queue, anchors = Queue(4, WIDTH), ANCHORS.clone().requires_grad_()
    queue.push(*clips(6, 2))
    queue.memory(anchors).text_QD.sum().backward()
    assert anchors.grad.any(1).nonzero()[:, 0].tolist() == [6, 7]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_remembered_in_full(dtype):
    queue = Queue(2, WIDTH)
    embedding, *rows = clips(1, 2)
    queue.push(embedding.to(dtype), *rows)
    assert queue.memory(ANCHORS).embedding_QD.dtype == torch.float32


def test_another_queue_takes_over_the_state():
    first, second = Queue(5, WIDTH), Queue(5, WIDTH)
    first.push(*clips(1, 3))
    second.load_state_dict(first.state_dict())
    for queue in (first, second):
        queue.push(*clips(9, 1))
    torch.testing.assert_close(vars(first.memory(ANCHORS)), vars(second.memory(ANCHORS)), rtol=0, atol=0)


def test_an_empty_memory_is_of_its_clips_kind():
    empty = Memory.empty(torch.ones(2, WIDTH, dtype=torch.float64))
    assert empty.embedding_QD.shape == empty.text_QD.shape == (0, WIDTH)
    assert empty.text_QD.dtype == torch.float64 and not len(empty.sentence_Q)
