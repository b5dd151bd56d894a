"""The word model: likelihood of words by lists and letters."""

import csv
from pathlib import Path

from geotagger.text.cues.languages import SCRIPTS, find
from geotagger.text.language.words import fold_text, load_word_model
from geotagger.text.language.writing_system import script_of
from geotagger.text.types import TextLine

SIGNS = Path(__file__).parents[3] / "data" / "sign_languages.csv"
BOX = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))


def short_signs():
    with SIGNS.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["use"] == "short"]
    return [(row["text"], row["language"]) for row in rows if script_of(row["text"]) in SCRIPTS]


def test_the_words_of_most_short_signs_are_likeliest_in_their_language():
    """From the words alone. Serbian in Latin letters counts as Bosnian."""
    words = load_word_model()
    right = total = 0
    for text, language in short_signs():
        if language in words.languages:
            best = words.log_likelihood(fold_text(text).split()).sum(axis=0).argmax()
            right += words.languages[best] == language
            total += 1
    assert total > 120
    assert right / total > 0.7


def test_compounds_of_three_parts_are_words_in_compounding_languages():
    (german,) = find([TextLine("Hundekottüten", 0.97, BOX)])
    assert german.meaning.startswith("language de")
    joined = load_word_model().log_likelihood(["hundekottüten"])[0]
    languages = load_word_model().languages
    assert joined[languages.index("de")] > joined[languages.index("fr")] + 5
