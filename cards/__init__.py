"""Cards: what a clinician sees of the advice. Ranks, folds, words; concludes nothing."""
