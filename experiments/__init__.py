"""The trainings behind docs/results.md: which clips, which variants, which seeds; nothing here runs in the pipeline."""
