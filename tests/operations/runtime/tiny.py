"""A small byte-level tokenizer as Qwen's is built, and a language model of random weights over it."""

from functools import cache

from kinetrace.operations.model.answers import Answer, to_json

SECONDS = 5.0
LABELS = (
    "Picking", "Relocate Item Label", "Assemble Box", "Insert Items", "Close Box", "Attach Box Label",
    "Scan Label", "Attach Shipping Label", "Put on Back Table", "Fill out Order",
)  # fmt: skip
END = "<|im_end|>"


@cache
def tokenizer(merges: int = 300):
    """A fast Hugging Face tokenizer, trained on answers; ``merges`` 0 leaves single bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=257 + merges, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    texts = [to_json(Answer(one, 0.3, 4.7, other)) for one in LABELS for other in (*LABELS, None)]
    made.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token=END, pad_token=END)


@cache
def language_model(width: int):
    """Two layers of random weights; more logits than the tokenizer has tokens, as in Qwen."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=width, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=512, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return Qwen2ForCausalLM(config).eval()
