"""Names of the file formats, as used in requests and on the command line."""

from enum import StrEnum


class FileFormat(StrEnum):
    """A file format for labelled utterances, for questions, or for both.

    Attributes:
        JSONL: One example of the API per line, an utterance or a question.
        MTOD_TSV: Tables of Multilingual Task-Oriented Dialog (Schuster et al. 2019).
        CONLL: One token with its BIO tag per line, with or without the headers of the MTOD release.
        SQUAD: The JSON of SQuAD (Rajpurkar et al. 2016), in which TyDiQA-GoldP, XQuAD and MLQA are published.
    """

    JSONL = "jsonl"
    MTOD_TSV = "mtod-tsv"
    CONLL = "conll"
    SQUAD = "squad"
