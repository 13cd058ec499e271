"""The vision-language model: Qwen2.5-VL or Qwen3-VL with LoRA on its language model and cached vision features."""
