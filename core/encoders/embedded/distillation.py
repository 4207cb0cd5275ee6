"""Cross-lingual distillation: the student learns to encode a translation as the teacher encodes the English.

Reimers & Gurevych 2020 match sentence vectors; here the states of aligned tokens are matched as well, because
slots and answers are predicted from token states.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel

from core.encoders.embedded.build_settings import DistillationSettings
from core.encoders.embedded.teacher import TeacherStates, pad_tokens
from core.encoders.embedded.training_examples import Example

PARTS: Final = 2
"""Number of batches per step, each on a separate thread, since a second core hardly speeds up a small batch.
The mean of their gradients does not depend on the number of cores."""

LONGEST: Final = 64
"""Maximum length of a training example in tokens: longer ones are expensive and rare."""

POOL: Final = 3000
"""Number of examples that are sorted by length together, so that batches are full and still mixed."""

MIN_ALIGNMENT: Final = 0.15
"""Squared alignment above which a token has a target state."""

BEGIN_WEIGHT: Final = 0.5
"""Weight of [CLS] relative to a perfectly aligned token."""


def epoch(
    translations: Sequence[Example],
    english: Sequence[Example],
    settings: DistillationSettings,
    *,
    seed: int,
    number: int,
) -> list[list[Example]]:
    """Return the batches of an epoch: every translation once, and a sample of the English sentences."""
    generator = random.Random(f"{seed}/{number}")  # noqa: S311 - reproducible, not secret
    mixed = [*translations, *generator.sample(list(english), min(settings.english, len(english)))]
    mixed = [example for example in mixed if 0 < len(example.pieces) <= LONGEST]
    generator.shuffle(mixed)
    batches: list[list[Example]] = []
    for start in range(0, len(mixed), POOL):
        pool = sorted(mixed[start : start + POOL], key=lambda example: len(example.pieces))
        pool_batches = list(_batches(pool, settings.batch_tokens))
        generator.shuffle(pool_batches)
        batches.extend(pool_batches)
    return batches


def _batches(pool: Sequence[Example], batch_tokens: int) -> Iterator[list[Example]]:
    """Yield batches of consecutive examples with at most `batch_tokens`, padding included."""
    batch: list[Example] = []
    for example in pool:
        if batch and (len(example.pieces) + 2) * (len(batch) + 1) > batch_tokens:
            yield batch
            batch = []
        batch.append(example)
    if batch:
        yield batch


class Distillation:
    """Training of a student.

    Args:
        model: The base; its embeddings are not used, and its layers are trained if `body_lr` is positive.
        rows: Initial embeddings, [pieces, width].
        trainable: [pieces], whether a row is trained.
        teacher: Target states.
        settings: Learning rates and weights.
        steps: Total number of steps.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        rows: NDArray[np.float32],
        trainable: NDArray[np.bool_],
        teacher: TeacherStates,
        settings: DistillationSettings,
        steps: int,
    ) -> None:
        self.model = model.eval().requires_grad_(
            False
        )  # dropout would add noise that the targets do not have
        self.rows = nn.Parameter(torch.tensor(rows))
        self.step = 0
        self._is_trainable = torch.tensor(trainable).float()
        self._teacher, self._pooled = teacher, torch.tensor(teacher.pooled())
        self._settings, self.steps = settings, steps
        self._sentence_scale = float(self._pooled.square().sum(dim=1).mean())
        self._token_scale = _mean_square(teacher)
        self._body = self._unfreeze_body() if settings.body_lr else []
        self._rows_optimiser = torch.optim.SparseAdam([self.rows], lr=settings.rows_lr)
        self._body_optimiser = (
            torch.optim.AdamW(self._body, lr=settings.body_lr, weight_decay=0.0) if self._body else None
        )

    def train(
        self, batches: Iterator[list[Example]], report: Callable[[int, Mapping[str, float]], None]
    ) -> None:
        """Take the remaining steps.

        Args:
            batches: Batches from the first step on; those of earlier steps are skipped.
            report: Called with each step and its losses.
        """
        threads = torch.get_num_threads()
        torch.set_num_threads(max(1, threads // PARTS))
        remaining = islice(batches, self.step * PARTS, self.steps * PARTS)
        with ThreadPoolExecutor(PARTS) as pool:
            for parts in zip(*[remaining] * PARTS, strict=True):
                losses = self._take_step(list(pool.map(self._gradient, parts)))
                report(self.step, losses)
        torch.set_num_threads(threads)

    def _gradient(self, batch: Sequence[Example]) -> tuple[dict[str, float], list[Tensor]]:
        """Return the losses of a batch, and the gradients of the rows (sparse) and of the layers."""
        sentence, token = self.losses(batch)
        loss = sentence + self._settings.token_weight * token
        gradients = torch.autograd.grad(loss, [self.rows, *self._body])
        return {"sentence": float(sentence.detach()), "token": float(token.detach())}, list(gradients)

    def _take_step(self, results: Sequence[tuple[dict[str, float], list[Tensor]]]) -> dict[str, float]:
        """Update the trainable rows and layers by the mean gradient, and return the mean losses."""
        self._set_rates()
        sparse, *dense = (
            sum(parts[1:], parts[0]) / len(parts)
            for parts in zip(*(grads for _, grads in results), strict=True)
        )
        gradient = sparse.coalesce()
        is_trainable = self._is_trainable[gradient.indices()[0]][:, None]
        self.rows.grad = torch.sparse_coo_tensor(
            gradient.indices(),
            gradient.values() * is_trainable,
            gradient.shape,
            is_coalesced=True,
            check_invariants=False,
        )
        self._rows_optimiser.step()  # type: ignore[no-untyped-call]
        if self._body_optimiser is not None:
            for parameter, mean in zip(self._body, dense, strict=True):
                parameter.grad = mean
            nn.utils.clip_grad_norm_(self._body, 1.0)
            self._body_optimiser.step()
        self.step += 1
        return {name: sum(losses[name] for losses, _ in results) / len(results) for name in results[0][0]}

    def losses(self, batch: Sequence[Example]) -> tuple[Tensor, Tensor]:
        """Return the squared distances of sentence vectors and of token states, relative to their scales."""
        ids, mask = pad_tokens([example.pieces for example in batch])
        embedded = nn.functional.embedding(ids, self.rows, sparse=True)
        states = self.model(inputs_embeds=embedded, attention_mask=mask).last_hidden_state
        weight = mask[..., None].to(states.dtype)
        pooled = (states * weight).sum(dim=1) / weight.sum(dim=1)
        expected = self._pooled[[example.english for example in batch]]
        sentence = (pooled - expected).square().sum(dim=1).mean() / self._sentence_scale
        targets, weights = self._token_targets(batch, ids.shape[1])
        distance = (states - targets).square().sum(dim=-1) * weights
        return sentence, distance.sum() / weights.sum().clamp(min=1e-6) / self._token_scale

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that is needed to resume the training with bitwise equal results."""
        tensors: dict[str, Tensor] = {"rows": self.rows.detach(), "step": torch.tensor([self.step])}
        for name, tensor in self._body_tensors():
            tensors[f"body.{name}"] = tensor.detach()
        for optimiser, prefix in self._optimisers():
            for index, parameter in enumerate(optimiser.param_groups[0]["params"]):
                for key, value in optimiser.state[parameter].items():
                    tensors[f"{prefix}.{index}.{key}"] = torch.as_tensor(value)
        return {name: tensor.contiguous().numpy() for name, tensor in tensors.items()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore a state that `state` returned."""
        self.step = int(state["step"][0])
        with torch.no_grad():
            self.rows.copy_(torch.from_numpy(state["rows"]))
            for name, tensor in self._body_tensors():
                tensor.copy_(torch.from_numpy(state[f"body.{name}"]))
        for optimiser, name in self._optimisers():
            for index, parameter in enumerate(optimiser.param_groups[0]["params"]):
                prefix = f"{name}.{index}."
                optimiser.state[parameter] = {
                    key.removeprefix(prefix): _optimiser_value(value)
                    for key, value in state.items()
                    if key.startswith(prefix)
                }

    def body(self) -> dict[str, NDArray[np.float32]]:
        """Return the trained layers by name."""
        return {name: tensor.detach().numpy() for name, tensor in self._body_tensors()}

    def _body_tensors(self) -> list[tuple[str, nn.Parameter]]:
        return [(name, tensor) for name, tensor in self.model.named_parameters() if tensor.requires_grad]

    def _optimisers(self) -> list[tuple[torch.optim.Optimizer, str]]:
        body = self._body_optimiser
        return [(self._rows_optimiser, "rows_state"), *([(body, "body_state")] if body else [])]

    def _token_targets(self, batch: Sequence[Example], longest: int) -> tuple[Tensor, Tensor]:
        """Return the target states [batch, longest, width] and their weights [batch, longest]."""
        targets = np.zeros((len(batch), longest, self._pooled.shape[1]), np.float32)
        weights = np.zeros((len(batch), longest), np.float32)
        for row, example in enumerate(batch):
            if example.alignment is None:
                continue
            states = self._teacher[example.english]
            mass = example.alignment.sum(axis=1)
            inside = states[1 : 1 + example.alignment.shape[1]]
            end = 1 + len(example.pieces)
            targets[row, 1:end] = (example.alignment / (mass[:, None] + 1e-6)) @ inside
            weights[row, 1:end] = np.where(mass > MIN_ALIGNMENT, np.minimum(mass, 1.0), 0.0)
            targets[row, 0], weights[row, 0] = states[0], BEGIN_WEIGHT
        return torch.from_numpy(targets), torch.from_numpy(weights)

    def _unfreeze_body(self) -> list[nn.Parameter]:
        return list(self.model.encoder.requires_grad_(True).parameters())

    def _set_rates(self) -> None:
        """Set the learning rates: linear warm-up, then linear decay to a fiftieth."""
        warmup = min(1.0, (self.step + 1) / self._settings.warmup_steps)
        share = warmup * max(0.02, 1 - self.step / self.steps)
        peaks = (self._settings.rows_lr, self._settings.body_lr)
        for (optimiser, _), peak in zip(self._optimisers(), peaks, strict=False):
            for group in optimiser.param_groups:
                group["lr"] = peak * share


def _optimiser_value(value: NDArray[Any]) -> Any:  # noqa: ANN401 - optimisers store numbers or tensors
    """Return an array as an optimiser stores it: SparseAdam counts steps with an int."""
    return int(value) if value.ndim == 0 and value.dtype.kind == "i" else torch.tensor(value)


def _mean_square(teacher: TeacherStates) -> float:
    """Return the mean squared norm of a token's state, estimated on the first sentences."""
    sample = range(min(500, len(teacher)))
    return float(np.mean([np.square(teacher[index]).sum(axis=1).mean() for index in sample]))
