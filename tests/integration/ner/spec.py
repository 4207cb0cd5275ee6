"""A third task, as a package of someone else would bring it: named entities, tags of tokens and no intent."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import model_validator

from core.contracts.evaluations import Evaluation
from core.contracts.examples import DatasetManifest, Example, LabelUse
from core.contracts.hyperparameters import MetaSettings
from core.contracts.inference import Prediction, PredictionInput
from core.contracts.task_options import LabelOptions
from core.contracts.values import Contract, Label, Method, Offset, Text
from core.formats.jsonl_reader import jsonl_reader
from core.tasks.data_split import EpisodeShape, Pools, Split
from core.tasks.holdout import sorted_by_hash
from core.tasks.spec import TaskSpec


class Entity(Contract):
    """A named entity.

    Attributes:
        label: Its type.
        start: First character.
        end: The character after the last.
    """

    label: Label
    start: Offset
    end: Offset


class NerExample(Example):
    """A sentence with its entities.

    Attributes:
        text: The sentence.
        entities: Its entities.
    """

    text: Text
    entities: tuple[Entity, ...] = ()

    @property
    def passage(self) -> str:
        return self.text

    def labels(self) -> Iterator[LabelUse]:
        for index, entity in enumerate(self.entities):
            yield LabelUse("slot", entity.label, f"/entities/{index}/label")

    @model_validator(mode="after")
    def _entities_fit(self) -> "NerExample":
        for entity in self.entities:
            if not entity.start < entity.end <= len(self.text):
                raise ValueError(f"entity {entity.start}:{entity.end} is outside the text")
        return self


class Sentence(PredictionInput):
    """A sentence to find entities in.

    Attributes:
        text: The sentence.
    """

    text: Text

    @classmethod
    def from_shorthand(cls, value: object) -> object:
        return {"text": value} if isinstance(value, str) else value


class NerPrediction(Prediction):
    """The entities of a sentence.

    Attributes:
        text: The sentence.
        entities: Its entities.
    """

    text: str
    entities: tuple[Entity, ...]


class NerEvaluation(Evaluation):
    """Exact entities, measured.

    Attributes:
        entity_f1: Micro-averaged F1 of exact entities.
    """

    quality_name = "entity F1"
    entity_f1: float

    @property
    def quality(self) -> float:
        return self.entity_f1

    @property
    def headline(self) -> dict[str, float]:
        return {"entity F1": self.entity_f1}


class NerDataSplitter:
    """Holds out by text; both stages draw from all training examples."""

    def split(
        self,
        examples: Sequence[NerExample],
        evaluation: Sequence[NerExample] | None,
        *,
        fraction: float,
        seed: int,
    ) -> Split[NerExample]:
        del seed
        if evaluation is None:
            texts = sorted_by_hash({example.text for example in examples})
            held_out = set(texts[: max(1, round(fraction * len(texts)))])
            evaluation = [example for example in examples if example.text in held_out]
            examples = [example for example in examples if example.text not in held_out]
        rows = tuple(range(len(examples)))
        return Split(tuple(examples), tuple(evaluation), Pools(rows[::2], rows[1::2]))

    def source_pool(self, source: Sequence[NerExample]) -> tuple[NerExample, ...]:
        return tuple(source)

    def supported(self, split: Split[NerExample], source: DatasetManifest) -> int:
        del source
        return len(split.train)

    def meta_train(
        self, split: Split[NerExample], source: DatasetManifest, meta: MetaSettings
    ) -> EpisodeShape:
        del source, meta
        return EpisodeShape(len(split.pools.meta_train), 2.0, 2.0, 2, 2)

    def meta_adapt(self, split: Split[NerExample], meta: MetaSettings) -> EpisodeShape:
        del meta
        return EpisodeShape(len(split.pools.meta_adapt), 2.0, 2.0, 2, 2)

    def preparation(self, split: Split[NerExample], source: DatasetManifest) -> Mapping[str, float]:
        del split, source
        return {}

    def warnings(self, split: Split[NerExample], source: DatasetManifest, method: Method) -> list[str]:
        del split, source, method
        return []


def evaluate(examples: Sequence[NerExample], predictions: Sequence[Any]) -> NerEvaluation:
    """Score anything that has `entities` against the examples' own."""
    gold = Counter((row, entity) for row, example in enumerate(examples) for entity in example.entities)
    predicted = Counter((row, entity) for row, item in enumerate(predictions) for entity in item.entities)
    total = sum(gold.values()) + sum(predicted.values())
    return NerEvaluation(
        examples=len(examples), entity_f1=2 * sum((gold & predicted).values()) / total if total else 1.0
    )


SPEC = TaskSpec(
    name="ner",
    title="Named entities",
    summary="Named entities of sentences",
    schema_name="Ner",
    engine="tests.integration.ner.engine:NerEngine",
    data_splitter=NerDataSplitter(),
    example=NerExample,
    sample={"text": "Ana vive en Lima", "entities": [{"label": "place", "start": 12, "end": 16}]},
    input=Sentence,
    sample_inputs=("Ana vive en Lima",),
    prediction=NerPrediction,
    evaluation=NerEvaluation,
    options=LabelOptions,
    read_file=jsonl_reader(NerExample),
    model_input=lambda sentence: sentence.text,
    characters=lambda sentence: len(sentence.text),
    predict=lambda sentence, answer, language, adapted: NerPrediction(
        id=sentence.id, text=sentence.text, language=language, entities=answer.entities, adapted=adapted
    ),
    input_of=lambda example: Sentence(text=example.text),
    evaluate=evaluate,
    probe=Sentence(text="hello"),
)
