"""The quickstart: a small run of pretraining, search, extraction and finetuning."""
