"""Names as DROP writes them: the tables letter by letter, scripts that fold and scripts that stay."""

from __future__ import annotations

import unicodedata

import pytest

from gateway.identifiers.hash_profiles.drop_names import TABLE, name

ALPHABETS = [
    ("абвгдеёжзийклмноп", "abvgdeyozhziyklmnop"),
    ("рстуфхцчшщъыьэюя", "rstufkhtschshshchyeyuya"),
    ("αβγδεζηθικλμνξοπρσςτυφχψω", "avgdezithiklmnxoprsstyfchpso"),
    ("ßæœøłđħŋıĳþð", "ssaeoeoldhniijthd"),
]

NAMES = [
    ("Щёголев", "shchyogolev"),
    ("Ще\u0308голев", "shchyogolev"),
    ("Юрий Соловьёв", "yuriysolovyov"),
    ("Юри\u0306й", "yuryy"),
    ("Объездчикова", "obezdchikova"),
    ("Жданов-Эйнштейн", "zhdanoveynshteyn"),
    ("Пётр\u0301", "pyotr"),
    ("Ива\u0301н", "ivan"),
    ("Παπαδόπουλος", "papadopoylos"),
    ("ΓΙΏΡΓΟΣ", "giorgos"),
    ("Ευτυχία Ψαρρά", "eytychiapsarra"),
    ("Ἀθηνᾶ", "athina"),
    ("Ϊ́ΰ", "iy"),
    ("José Muñoz Ñandú", "josemunoznandu"),
    ("Nguyễn Thị Hạnh", "nguyenthihanh"),
    ("Łukasz Wałęsa", "lukaszwalesa"),
    ("Đorđe", "dorde"),
    ("Ħamrun", "hamrun"),
    ("Þórður Guðmundsson", "thordurgudmundsson"),
    ("Ǽrøskøbing Ǿ", "aeroskobingo"),
    ("STRAẞE Straße", "strassestrasse"),
    ("İbrahim Işık", "ibrahimisik"),
    ("ılıca", "ilica"),
    ("Œuvré", "oeuvre"),
    ("Ĳsbrand ĳ", "ijsbrandij"),
    ("Ｊｕａｎ", "juan"),
    ("ﬁona ǆ", "fionadz"),
    ("O'Brien O’Brien OʼBrien", "obrienobrienobrien"),
    ("Kahananui-ʻOkina", "kahananuiokina"),
    ("Anne-Marie 2nd", "annemarie2nd"),
    # Letters of these scripts that no table has.
    ("ƀɇŧƶɉɍəɨ", "betzjrei"),
    ("Їжак Ґанна Євген", "izhakgannaievgen"),
    ("Ўладзімір", "uladzimir"),
    ("Ђорђе Љубица Њ Ћ Ј", "djordjeljubitsanjcj"),
    ("Ќирил Ѓорѓи", "kirilgorgi"),
    ("ʔəyʔajuθəm", "ʔeyʔajuthem"),
]

KEPT = [
    ("山田 太郎", "山田太郎"),
    ("山々 〇", "山々〇"),
    ("정", "정"),
    ("김\u00a0민준", "김민준"),
    ("がぱ ヴー", "がぱヴー"),
    ("ｶﾞｽ", "ガス"),
    ("ジョン・スミス", "ジョンスミス"),
    ("か゚", "か゚"),
    ("محمد عبد الله", "محمدعبدالله"),
    ("مُحَمَّد", "مُحَمَّد"),
    ("فاطمه\u200cزهرا", "فاطمهزهرا"),
    ("שרה כהן", "שרהכהן"),
    ("שָׂרָה", "שָׂרָה"),
    ("प्रिया शर्मा", "प्रियाशर्मा"),
    ("สมชาย", "สมชาย"),
    ("Արամ", "արամ"),
    ("გიორგი", "გიორგი"),
    ("葛\U000e0100城", "葛城"),
    ("李Smith", "李smith"),
]


@pytest.mark.parametrize(("letters", "latin"), ALPHABETS)
def test_the_tables_letter_by_letter(letters: str, latin: str) -> None:
    assert "".join(map(TABLE.__getitem__, letters)) == latin
    assert "".join(name(letter, None) for letter in letters) == latin
    assert "".join(name(letter.upper(), None) for letter in letters if len(letter.upper()) == 1) != ""


def test_the_table_has_nothing_else() -> None:
    assert set(TABLE) == set("".join(letters for letters, _ in ALPHABETS))


@pytest.mark.parametrize(("raw", "form"), [*NAMES, *KEPT])
def test_a_name(raw: str, form: str) -> None:
    for spelling in ("NFC", "NFD"):
        assert name(unicodedata.normalize(spelling, raw), None) == unicodedata.normalize("NFC", form)
    assert name(name(raw, None), None) == name(raw, None)


@pytest.mark.parametrize(("raw", "form"), NAMES)
def test_what_folds_is_ascii(raw: str, form: str) -> None:
    assert form.isascii() or "ʔ" in raw


def test_a_mark_alone_is_nothing() -> None:
    assert [name(text, None) for text in ("\u0301", "-\u064e", "\u20e3", "'", "ъь")] == [""] * 5
