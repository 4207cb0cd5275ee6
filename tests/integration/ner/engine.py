"""The engine of the third task: one linear layer over token states, and no CRF."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from core.contracts.reports import CheckpointManifest
from core.encoders.loading import Encoder
from core.tasks.batches import pad_sequences, pad_states
from core.tasks.encoding import encode
from core.tasks.engine import Episode, EpisodeSource, Measurement
from core.tasks.parameters import new_parameters, pretrained_parameters
from core.tasks.tokenization import OffsetTokenizer, Token
from tests.integration.ner.spec import Entity, NerExample, evaluate

IGNORED = -100
"""The tag of special tokens and padding; cross-entropy ignores it."""


@dataclass(frozen=True)
class Features:
    """A tokenised sentence.

    Attributes:
        text: The sentence.
        tokens: Its tokens, special ones included.
        tags: One tag number a token.
        states: Encoder states [tokens, width], if they are cached.
    """

    text: str
    tokens: tuple[Token, ...]
    tags: tuple[int, ...] = ()
    states: Tensor | None = field(default=None, compare=False)

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class Batch:
    """Sentences as tensors [batch, tokens]."""

    input_ids: Tensor
    attention_mask: Tensor
    tags: Tensor
    states: Tensor | None


@dataclass(frozen=True)
class Answer:
    """The entities of a sentence."""

    entities: tuple[Entity, ...]
    tokens: int


class Tagger(nn.Module):
    """Token states → tags: 0 outside, then B- and I- of each label."""

    def __init__(self, encoder: PreTrainedModel, tags: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.tag_head = nn.Linear(int(encoder.config.hidden_size), tags)

    def scores(self, batch: Batch) -> Tensor:
        states = batch.states
        if states is None:
            states = encode(self.encoder, input_ids=batch.input_ids, attention_mask=batch.attention_mask)
        return self.tag_head(states)  # type: ignore[no-any-return]

    def forward(self, batch: Batch) -> Tensor:
        return functional.cross_entropy(
            self.scores(batch).flatten(0, 1), batch.tags.flatten(), ignore_index=IGNORED
        )


class NerLearner:
    """See `core.tasks.engine.TaskLearner`."""

    intents: tuple[str, ...] = ()

    def __init__(self, encoder: Encoder, labels: Sequence[str], *, device: str, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.encoder = encoder
        self.slots = tuple(sorted(labels))
        self.tokenizer = OffsetTokenizer(encoder)
        self.device = device
        self.network = Tagger(encoder.model, 1 + 2 * len(self.slots)).to(device)

    @property
    def model(self) -> nn.Module:
        return self.network

    @property
    def body(self) -> PreTrainedModel:
        return self.network.encoder

    @property
    def encoder_parameters(self) -> list[nn.Parameter]:
        return pretrained_parameters(self.network.encoder)

    @property
    def head_parameters(self) -> list[nn.Parameter]:
        return new_parameters(self.network, self.network.encoder)

    def features(self, examples: Sequence[NerExample]) -> list[Features]:
        return [self._tagged(example, self.read([example.text])[0]) for example in examples]

    def read(self, texts: Sequence[str]) -> list[Features]:
        rows = self.tokenizer.tokenize(texts, special_tokens=True)
        return [Features(text, tuple(tokens)) for text, tokens in zip(texts, rows, strict=True)]

    def _tagged(self, example: NerExample, features: Features) -> Features:
        tags = []
        for token in features.tokens:
            inside = [e for e in example.entities if e.start <= token.start < token.end <= e.end]
            if token.start == token.end:
                tags.append(IGNORED)
            elif inside and inside[0].label in self.slots:
                first = 1 + 2 * self.slots.index(inside[0].label)
                tags.append(first if token.start == inside[0].start else first + 1)
            else:
                tags.append(0)
        return Features(example.text, features.tokens, tuple(tags))

    def batch(self, features: Sequence[Features]) -> Batch:
        ids = [[token.id for token in row.tokens] for row in features]
        return Batch(
            pad_sequences(ids, self.tokenizer.padding).to(self.device),
            pad_sequences([[1] * len(row) for row in ids], 0).to(self.device),
            pad_sequences([row.tags or [0] * len(row) for row in features], IGNORED).to(self.device),
            pad_states(row.states for row in features),
        )

    def token_ids(self, features: Sequence[Features]) -> set[int]:
        return {self.tokenizer.padding, *(token.id for row in features for token in row.tokens)}

    @torch.no_grad()
    def with_encoder_states(self, features: Sequence[Features]) -> list[Features]:
        self.model.eval()
        cached = []
        for row in features:
            batch = self.batch([row])
            states = encode(self.body, input_ids=batch.input_ids, attention_mask=batch.attention_mask)[0]
            cached.append(Features(row.text, row.tokens, row.tags, states))
        return cached

    @torch.no_grad()
    def answer(self, features: Sequence[Features]) -> list[Answer]:
        self.model.eval()
        answers = []
        for row in features:
            tags = self.network.scores(self.batch([row])).argmax(-1)[0].tolist()
            answers.append(Answer(tuple(self._entities(row, tags)), len(row)))
        return answers

    def _entities(self, row: Features, tags: Sequence[int]) -> Iterator[Entity]:
        current: tuple[str, int, int] | None = None
        for token, tag in zip(row.tokens, tags, strict=True):
            label = None if tag == 0 or token.start == token.end else self.slots[(tag - 1) // 2]
            if current and label == current[0] and tag % 2 == 0:
                current = (current[0], current[1], token.end)
                continue
            if current:
                yield Entity(label=current[0], start=current[1], end=current[2])
            current = (label, token.start, token.end) if label else None
        if current:
            yield Entity(label=current[0], start=current[1], end=current[2])


class NerEngine:
    """See `core.tasks.engine.TaskEngine`."""

    def new_learner(
        self, encoder: Encoder, examples: Sequence[NerExample], *, device: str, seed: int
    ) -> NerLearner:
        labels = {entity.label for example in examples for entity in example.entities}
        return NerLearner(encoder, sorted(labels), device=device, seed=seed)

    def rebuilt_learner(self, encoder: Encoder, manifest: CheckpointManifest, *, device: str) -> NerLearner:
        return NerLearner(encoder, manifest.slots, device=device)

    def prepare(self, learner: NerLearner, examples: Sequence[NerExample], options: Any) -> None:
        del learner, examples, options

    def example_embeddings(self, options: Any, *, vectors: Any, device: str, tracker: Any) -> None:
        del options, vectors, device, tracker

    def meta_train_episodes(
        self, source_data: EpisodeSource[NerExample, Features]
    ) -> Iterator[Episode[Features]]:
        queries = [source_data.target_features[row] for row in source_data.split.pools.meta_train]
        return _episodes(source_data.source_features, queries, source_data.seed)

    def meta_adapt_episodes(
        self, source_data: EpisodeSource[NerExample, Features]
    ) -> Iterator[Episode[Features]]:
        rows = [source_data.target_features[row] for row in source_data.split.pools.meta_adapt]
        return _episodes(rows[::2], rows[1::2], source_data.seed + 1)

    def measure(self, learner: NerLearner, examples: Sequence[NerExample]) -> Measurement:
        answers = learner.answer(learner.read([example.text for example in examples]))
        exact = tuple(
            set(answer.entities) == set(example.entities)
            for answer, example in zip(answers, examples, strict=True)
        )
        return Measurement(evaluate(examples, answers), exact)

    def calibrate(
        self, learner: NerLearner, evaluation: Sequence[NerExample], *, training: Sequence[NerExample]
    ) -> None:
        del learner, evaluation, training

    def read(self, learner: NerLearner, inputs: Sequence[str]) -> list[Features]:
        return learner.read(inputs)

    def answer(self, learner: NerLearner, features: Sequence[Features], *, top_k: int) -> list[Answer]:
        del top_k
        return learner.answer(features)


def _episodes(
    support: Sequence[Features], query: Sequence[Features], seed: int
) -> Iterator[Episode[Features]]:
    draw = random.Random(seed)
    while True:
        yield Episode(
            tuple(draw.sample(list(support), min(2, len(support)))),
            tuple(draw.sample(list(query), min(2, len(query)))),
        )
