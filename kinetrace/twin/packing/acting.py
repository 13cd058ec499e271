"""A session on stage: one operation after the other, hesitations, and the orders as they come in."""

import numpy as np

from kinetrace.twin.packing.act import Act
from kinetrace.twin.packing.motions import ACTS
from kinetrace.twin.packing.orders import Order
from kinetrace.twin.packing.places import Places
from kinetrace.twin.packing.scene import HIDDEN, ITEMS, NO_TAG, ON_SHELF, WRONG, Stage
from kinetrace.twin.packing.workflow import Step

EARLY = 0.5  # seconds before the end of Close Box at which the hands are off to what comes next, as published
HESITATES = 0.22  # share of operations


def stage_orders(stage: Stage, places: Places, steps: list[Step], random: np.random.Generator) -> list[Order]:
    """Act out ``steps`` on ``stage``; returns the orders that the numbers in the scene stand for."""
    orders = [steps[0].state.order]
    arrive(stage, places, orders[0], 0, -1.0, -1.0)
    for index, step in enumerate(steps):
        start = step.start - (EARLY if index and steps[index - 1].label == "Close Box" else 0)
        end = step.end - (EARLY if step.label == "Close Box" else 0)
        act = Act(stage, places, step.state, start, end, random)
        _play(act, step.label)
        if step.label == "Put on Back Table":
            following = next_order(steps, index)
            arrive(stage, places, following, len(orders), act.at(0.12), act.at(0.5))
            orders.append(following)
    return orders


def next_order(steps: list[Step], index: int) -> Order:
    """The order after that of step ``index``; at the end of a session the same once more."""
    return steps[index + 1].state.order if index + 1 < len(steps) else steps[index].state.order


def arrive(stage: Stage, places: Places, order: Order, number: int, paper: float, box: float) -> None:
    """Order ``number`` comes in: its sheet and its lamps at ``paper`` seconds, its box (where it is fed) at ``box``."""
    stage.order.to(number, paper)
    stage.box_order.to(number, box)
    stage.written.to(0, paper)
    for item in range(ITEMS):
        there = item < len(order.relabel)
        stage.items[item].to(places.bins[item], paper)
        stage.item_where[item].to(ON_SHELF if there else HIDDEN, paper)
        stage.item_tag[item].to(WRONG if there and order.relabel[item] else NO_TAG, paper)
        stage.lamps[item].to(there, paper)
    if order.fed:
        stage.box.to(places.stack, box - 0.01)
        stage.box.to(places.work, box, box + 0.5)
        stage.box_there.to(1, box)


def _play(act: Act, label: str) -> None:
    """Act it out; now and then the hands stop in between, or one is off for the wrong tool and comes back."""
    hesitates, astray = act.random.random(2) < (HESITATES, 0.5)
    if hesitates:
        length = min(act.random.uniform(0.4, 1.0) / (act.end - act.start), 0.25)
        act.pause = (act.random.uniform(0.1, 0.8), length)
    ACTS[label](act)
    if hesitates and astray:
        _go_astray(act)


def _go_astray(act: Act) -> None:
    """Half of the way to some tool and back, during the pause."""
    begin, seconds = act.at(act.pause[0]), act.pause[1] * (act.end - act.start)
    hand = act.stage.hands[int(act.random.integers(2))]
    tools = (act.places.tape, act.places.printer, act.places.sheet, act.places.tray)
    away = tools[act.random.integers(len(tools))] - hand.at(np.array([begin]))[0]
    hand.wave(begin, begin + seconds, 0.5 * away, 0.5 / seconds)
