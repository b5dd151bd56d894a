# ruff: noqa: RUF001 (signs in many scripts)
"""The letter model: probabilities of words by their letters."""

import numpy as np

from geotagger.text.language.letters import load_letter_model


def test_letters_are_a_probability():
    letters = load_letter_model()
    alphabet = "abcdefghijklmnopqrstuvwxyzåäöæøéèàçñõãáíóúşığüß'"
    for head in ("", "h", "stra"):
        total = np.exp(letters.log_likelihood([head + c for c in alphabet]))
        if head:
            total = total / np.exp(letters.log_likelihood([head]))
        latin = [letters.languages.index(code) for code in ("de", "sv", "fr", "es")]
        assert (total.sum(axis=0)[latin] < 1.3).all()
        assert (total.sum(axis=0)[latin] > 0.3).all()


def test_a_word_is_likeliest_in_its_language():
    letters = load_letter_model()
    for word, language in (("straße", "de"), ("välkommen", "sv"), ("içilmez", "tr")):
        assert letters.languages[letters.log_likelihood([word])[0].argmax()] == language
