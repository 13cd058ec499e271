"""The baseline that learns nothing: the label of the nearest training clip under dynamic time warping."""

import numpy as np

from experiments import protocols
from experiments.data import BUILD, prepared
from experiments.trial import assigned
from kinetrace import files
from kinetrace.metrics import retrieval
from kinetrace.shards import Shards
from kinetrace.sign.data.features import features
from kinetrace.sign.data.landmarks import PARTS, VALUES_A_POINT
from kinetrace.sign.model.frontend import UPPER_BODY
from kinetrace.sign.runtime.dtw import align

STRIDE = 2  # every second frame, as the model sees them
RADIUS = 10  # frames of the band


def ret1(data: str, protocol: tuple[object, ...]) -> float:
    """Ret@1 over the test clips of a protocol, kept once computed."""
    path = BUILD / "neighbours" / f"{files.digest_of([data, *map(str, protocol)])[:16]}.json"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(path, {"ret1": _ret1(data, protocol)})
    return float(files.read_json(path)["ret1"])


def _ret1(data: str, protocol: tuple[object, ...]) -> float:
    make, *arguments = protocol
    judge = getattr(protocols, str(make))(*arguments).judge["test"]
    shards = assigned(Shards.open(prepared(data).folders.shards), judge)
    gallery, test = shards.subset("train"), shards.subset("test")
    known = [_frames(gallery.frames(place)) for place in range(len(gallery))]
    together, offsets = np.concatenate(known), np.cumsum([0, *map(len, known)])
    asked = (_frames(test.frames(place)) for place in range(len(test)))
    similarity = np.stack([-align(query, together, offsets, RADIUS, "sqeuclidean").distances for query in asked])
    ranks = retrieval.ranks(similarity, test.clips.label_id.to_numpy(), gallery.clips.label_id.to_numpy())
    return retrieval.recall_at(ranks, 1)


def _frames(clip: np.ndarray) -> np.ndarray:
    """``[T, C]``: body-centred x and y of the upper body and both hands, a hand also about its own wrist."""
    values = features(clip[::STRIDE])[0]
    pose = values[:, PARTS["pose"]].reshape(len(values), -1, VALUES_A_POINT["pose"])[:, :UPPER_BODY, :2]
    hands = [values[:, PARTS[name]].reshape(len(values), -1, 3)[..., :2] for name in ("left_hand", "right_hand")]
    shapes = [3 * (hand - hand[:, :1]) for hand in hands]
    return np.concatenate([part.reshape(len(values), -1) for part in (pose, *hands, *shapes)], axis=1)
