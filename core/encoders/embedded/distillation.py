"""New rows learn to make of a translation what the English encoder makes of the English.

Reimers & Gurevych 2020 match sentence vectors; here the states of aligned tokens are matched too, for
slots and answers are read off tokens.
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
from core.encoders.embedded.teacher import TeacherStates, padded
from core.encoders.embedded.training_examples import Example

PARTS: Final = 2
"""Batches a step learns from, each on a thread of its own: small batches gain little from a second core
within them. The mean of their gradients is the same however many cores there are."""

LONGEST: Final = 64
"""Pieces of a translation that is learnt from: longer ones cost much and are few."""

POOL: Final = 3000
"""Examples sorted by length together, so that batches are full and still mixed."""

CLEAR: Final = 0.15
"""Squared alignment from which a piece has a state to match."""

BEGIN_WEIGHT: Final = 0.5
"""Of [CLS], beside a perfectly aligned piece."""


def epoch(
    translations: Sequence[Example],
    english: Sequence[Example],
    settings: DistillationSettings,
    *,
    seed: int,
    number: int,
) -> list[list[Example]]:
    """Return the batches of one epoch: every translation once, and some English."""
    draw = random.Random(f"{seed}/{number}")  # noqa: S311 - reproducible, not secret
    mixed = [*translations, *draw.sample(list(english), min(settings.english, len(english)))]
    mixed = [example for example in mixed if 0 < len(example.pieces) <= LONGEST]
    draw.shuffle(mixed)
    cut: list[list[Example]] = []
    for start in range(0, len(mixed), POOL):
        pool = sorted(mixed[start : start + POOL], key=lambda example: len(example.pieces))
        together = list(_cut(pool, settings.batch_tokens))
        draw.shuffle(together)
        cut.extend(together)
    return cut


def _cut(pool: Sequence[Example], batch_tokens: int) -> Iterator[list[Example]]:
    """Fill batches in the order of length."""
    batch: list[Example] = []
    for example in pool:
        if batch and (len(example.pieces) + 2) * (len(batch) + 1) > batch_tokens:
            yield batch
            batch = []
        batch.append(example)
    if batch:
        yield batch


class Distillation:
    """A student under training.

    Args:
        model: The base; its own rows are not used, its layers are trained where `body_lr` says so.
        rows: [pieces, width], where training begins.
        trainable: [pieces], which rows may move.
        teacher: What is imitated.
        settings: Rates and weights.
        steps: All steps there will be.
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
        self.model = model.eval().requires_grad_(False)  # dropout would be noise upon a target without any
        self.rows = nn.Parameter(torch.tensor(rows))
        self.step = 0
        self._may_move = torch.tensor(trainable).float()
        self._teacher, self._pooled = teacher, torch.tensor(teacher.pooled())
        self._settings, self.steps = settings, steps
        self._sentence_scale = float(self._pooled.square().sum(dim=1).mean())
        self._token_scale = _mean_square(teacher)
        self._body = self._thaw() if settings.body_lr else []
        self._rows_optimiser = torch.optim.SparseAdam([self.rows], lr=settings.rows_lr)
        self._body_optimiser = (
            torch.optim.AdamW(self._body, lr=settings.body_lr, weight_decay=0.0) if self._body else None
        )

    def train(self, drawn: Iterator[list[Example]], tell: Callable[[int, Mapping[str, float]], None]) -> None:
        """Take the steps that are left.

        Args:
            drawn: Batches from the very first step on; those of steps already taken are passed over.
            tell: Told of each step and its losses.
        """
        threads = torch.get_num_threads()
        torch.set_num_threads(max(1, threads // PARTS))
        left = islice(drawn, self.step * PARTS, self.steps * PARTS)
        with ThreadPoolExecutor(PARTS) as pool:
            for parts in zip(*[left] * PARTS, strict=True):
                losses = self._take_step(list(pool.map(self._gradient, parts)))
                tell(self.step, losses)
        torch.set_num_threads(threads)

    def _gradient(self, batch: Sequence[Example]) -> tuple[dict[str, float], list[Tensor]]:
        """Return the losses of a batch, and the gradients of the rows (sparse) and of the body."""
        sentence, token = self.losses(batch)
        loss = sentence + self._settings.token_weight * token
        gradients = torch.autograd.grad(loss, [self.rows, *self._body])
        return {"sentence": float(sentence.detach()), "token": float(token.detach())}, list(gradients)

    def _take_step(self, found: Sequence[tuple[dict[str, float], list[Tensor]]]) -> dict[str, float]:
        """Move rows, and the body where it is trained, by the mean of some gradients."""
        self._set_rates()
        sparse, *dense = (
            sum(parts[1:], parts[0]) / len(parts) for parts in zip(*(g for _, g in found), strict=True)
        )
        gradient = sparse.coalesce()
        free = self._may_move[gradient.indices()[0]][:, None]
        self.rows.grad = torch.sparse_coo_tensor(
            gradient.indices(),
            gradient.values() * free,
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
        return {name: sum(losses[name] for losses, _ in found) / len(found) for name in found[0][0]}

    def losses(self, batch: Sequence[Example]) -> tuple[Tensor, Tensor]:
        """Return the squared distances of sentence vectors and of token states, each over its scale."""
        ids, mask = padded([example.pieces for example in batch])
        embedded = nn.functional.embedding(ids, self.rows, sparse=True)
        states = self.model(inputs_embeds=embedded, attention_mask=mask).last_hidden_state
        share = mask[..., None].to(states.dtype)
        pooled = (states * share).sum(dim=1) / share.sum(dim=1)
        wanted = self._pooled[[example.english for example in batch]]
        sentence = (pooled - wanted).square().sum(dim=1).mean() / self._sentence_scale
        targets, weights = self._token_targets(batch, ids.shape[1])
        distance = (states - targets).square().sum(dim=-1) * weights
        return sentence, distance.sum() / weights.sum().clamp(min=1e-6) / self._token_scale

    def state(self) -> dict[str, NDArray[Any]]:
        """Return everything a run needs to go on from here to the last bit."""
        found: dict[str, Tensor] = {"rows": self.rows.detach(), "step": torch.tensor([self.step])}
        for name, tensor in self._body_tensors():
            found[f"body.{name}"] = tensor.detach()
        for optimiser, of in self._optimisers():
            for index, parameter in enumerate(optimiser.param_groups[0]["params"]):
                for key, value in optimiser.state[parameter].items():
                    found[f"{of}.{index}.{key}"] = torch.as_tensor(value)
        return {name: tensor.contiguous().numpy() for name, tensor in found.items()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go back to where `state` was taken."""
        self.step = int(state["step"][0])
        with torch.no_grad():
            self.rows.copy_(torch.from_numpy(state["rows"]))
            for name, tensor in self._body_tensors():
                tensor.copy_(torch.from_numpy(state[f"body.{name}"]))
        for optimiser, of in self._optimisers():
            for index, parameter in enumerate(optimiser.param_groups[0]["params"]):
                prefix = f"{of}.{index}."
                optimiser.state[parameter] = {
                    key.removeprefix(prefix): _restored(value)
                    for key, value in state.items()
                    if key.startswith(prefix)
                }

    def body(self) -> dict[str, NDArray[np.float32]]:
        """Return the layers by name, where they were trained."""
        return {name: tensor.detach().numpy() for name, tensor in self._body_tensors()}

    def _body_tensors(self) -> list[tuple[str, nn.Parameter]]:
        return [(name, one) for name, one in self.model.named_parameters() if one.requires_grad]

    def _optimisers(self) -> list[tuple[torch.optim.Optimizer, str]]:
        body = self._body_optimiser
        return [(self._rows_optimiser, "rows_state"), *([(body, "body_state")] if body else [])]

    def _token_targets(self, batch: Sequence[Example], longest: int) -> tuple[Tensor, Tensor]:
        """Return the states to match [batch, longest, width] and how much each counts [batch, longest]."""
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
            weights[row, 1:end] = np.where(mass > CLEAR, np.minimum(mass, 1.0), 0.0)
            targets[row, 0], weights[row, 0] = states[0], BEGIN_WEIGHT
        return torch.from_numpy(targets), torch.from_numpy(weights)

    def _thaw(self) -> list[nn.Parameter]:
        return list(self.model.encoder.requires_grad_(True).parameters())

    def _set_rates(self) -> None:
        """Rise over the warm-up, then fall linearly to a fiftieth."""
        rise = min(1.0, (self.step + 1) / self._settings.warmup_steps)
        share = rise * max(0.02, 1 - self.step / self.steps)
        peaks = (self._settings.rows_lr, self._settings.body_lr)
        for (optimiser, _), peak in zip(self._optimisers(), peaks, strict=False):
            for group in optimiser.param_groups:
                group["lr"] = peak * share


def _restored(value: NDArray[Any]) -> Any:  # noqa: ANN401 - an optimiser keeps steps as numbers or tensors
    """Return what an optimiser keeps: SparseAdam counts steps with an int."""
    return int(value) if value.ndim == 0 and value.dtype.kind == "i" else torch.tensor(value)


def _mean_square(teacher: TeacherStates) -> float:
    """Return the mean squared length of a token's state, over enough sentences to know it."""
    some = range(min(500, len(teacher)))
    return float(np.mean([np.square(teacher[index]).sum(axis=1).mean() for index in some]))
